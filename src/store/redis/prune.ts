import { isConveyorError } from "../../core/errors.ts";
import { type Retention, rememberedMs } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { UpkeepAnswer } from "../effects.ts";
import { ask } from "./ask.ts";
import { shardsOf, type Writing, write, writeAll } from "./calls.ts";
import { mergeEffects, readEffects } from "./effects.ts";
import { listOf, numberOf, textOf } from "./msgpack.ts";
import { removedMax } from "./remove.ts";
import { release } from "./reserve.ts";
import { lookForWork } from "./upkeep.ts";

interface PruneRequest {
  readonly max: number;
  readonly retention: Retention;
}

/** Removes chains whose retention is over, shard by shard, and forgets what is remembered of removed roots. */
export async function prune(writing: Writing, { max, retention }: PruneRequest): Promise<UpkeepAnswer> {
  const answers: UpkeepAnswer[] = [];
  let left = max;
  for (const shard of await shardsInTurn(writing)) {
    const answer = await pruneShard(writing, shard, { max: left, retention });
    left -= answer.count;
    answers.push(answer);
  }
  if (writing.connection.shards > 1) await forgetOnMany(writing, max);
  await sweep(writing);
  return {
    count: max - left,
    more: answers.some(({ more }) => more),
    effects: mergeEffects(answers.map(({ effects }) => effects)),
  };
}

/** Those first where a removal has begun. */
async function shardsInTurn(writing: Writing): Promise<readonly number[]> {
  const work = await lookForWork(writing);
  const hasBegun = (shard: number): number => Math.sign(work[shard]?.removals ?? 0);
  return [...shardsOf(writing)].sort((one, other) => hasBegun(other) - hasBegun(one));
}

/** In steps that each keep the server from others for a short time only. */
async function pruneShard(writing: Writing, shard: number, { max, retention }: PruneRequest): Promise<UpkeepAnswer> {
  const { completedMs, cancelledMs, deadMs } = retention;
  let count = 0;
  // On several shards request ids are reserved elsewhere, and given free before.
  let forgetMax = writing.connection.shards === 1 ? max : 0;
  for (;;) {
    const most = Math.min(removedMax, max - count);
    const request = [most, rememberedMs, completedMs, cancelledMs, deadMs, Math.min(removedMax, forgetMax)];
    const [part, more, effects] = listOf(await write(writing, { script: "prune", shard, request }));
    count += numberOf(part);
    forgetMax = 0;
    if (more === 0 || part === 0 || count >= max)
      return { count, more: more === 1, effects: readEffects(shard, effects) };
  }
}

/** Forgets removed roots whose time is over, with the reservations of their request ids. */
async function forgetOnMany(writing: Writing, max: number): Promise<void> {
  const most = Math.min(removedMax, max);
  for (const shard of shardsOf(writing)) {
    const flat = listOf(await ask(writing.connection, shard, "over", most)).map(textOf);
    // Names in the store were checked before they were stored.
    const ids = flat.filter((_, index) => index % 2 === 0) as JobId[];
    if (ids.length === 0) continue;
    const reserved = ids.map((rootId, index) => ({ rootId, requestId: flat[2 * index + 1] ?? "" }));
    await release(
      writing,
      reserved.filter(({ requestId }) => requestId !== ""),
    );
    await write(writing, { script: "forget", shard, request: ids });
  }
}

/** Goes on with forgetting the workers of ended sessions that no history names any more. */
async function sweep(writing: Writing): Promise<void> {
  await writeAll(writing, "sweep", () => removedMax).catch((error: unknown) => {
    // It notes what it finds; that can wait until there is room.
    if (!(isConveyorError(error) && error.code === "STORE_FULL")) throw error;
  });
}
