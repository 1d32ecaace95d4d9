import { type Retention, rememberedMs } from "../../core/job.ts";
import type { UpkeepAnswer } from "../store.ts";
import { shardsOf, type Writing, write } from "./calls.ts";
import { mergeEffects, readEffects } from "./effects.ts";
import { listOf, numberOf } from "./msgpack.ts";
import { removedMax } from "./remove.ts";

interface PruneRequest {
  readonly max: number;
  readonly retention: Retention;
}

/** Removes chains whose retention is over, shard by shard, and forgets what is remembered of removed roots. */
export async function prune(writing: Writing, { max, retention }: PruneRequest): Promise<UpkeepAnswer> {
  const answers: UpkeepAnswer[] = [];
  let left = max;
  for (const shard of shardsOf(writing)) {
    const answer = await pruneShard(writing, shard, { max: left, retention });
    left -= answer.count;
    answers.push(answer);
  }
  return {
    count: max - left,
    more: answers.some(({ more }) => more),
    effects: mergeEffects(answers.map(({ effects }) => effects)),
  };
}

/** In steps that each keep the server from others for a short time only. */
async function pruneShard(writing: Writing, shard: number, { max, retention }: PruneRequest): Promise<UpkeepAnswer> {
  const { completedMs, cancelledMs, deadMs } = retention;
  let count = 0;
  let forgetMax = max;
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
