import type { JobId } from "../../core/names.ts";
import type { Effects } from "../effects.ts";
import { type Writing, write } from "./calls.ts";
import type { WriteScript } from "./connection.ts";
import { mergeEffects, readEffects } from "./effects.ts";
import { findJobs } from "./find-jobs.ts";
import { listOf, type Packable, type Unpacked } from "./msgpack.ts";

/** Jobs that one run of a script sees to: more would keep the server from all others for too long. */
const itemsMax = 250;

interface AskedJob {
  readonly id: JobId;
  readonly argument: Packable;
}

/** Has a script do something to jobs, each on its shard, in their order there; false for what no shard knows. */
export async function askJobs(
  writing: Writing,
  script: WriteScript,
  items: readonly AskedJob[],
): Promise<{ readonly answers: readonly Unpacked[]; readonly effects: Effects }> {
  const answers: Unpacked[] = items.map(() => false);
  const effects: Effects[] = [];
  const places = await placesOf(writing, items);
  await Promise.all(
    [...places].map(async ([shard, indexes]) => {
      for (let first = 0; first < indexes.length; first += itemsMax) {
        const some = indexes.slice(first, first + itemsMax);
        const request = some.map((index): Packable => [items[index]?.id ?? "", items[index]?.argument ?? false]);
        const [part, effect] = listOf(await write(writing, { script, shard, request }));
        for (const [place, index] of some.entries()) answers[index] = listOf(part)[place] ?? false;
        effects.push(readEffects(shard, effect));
      }
    }),
  );
  return { answers, effects: mergeEffects(effects) };
}

/** Indexes of the items by the shard of their job. */
async function placesOf({ connection }: Writing, items: readonly AskedJob[]): Promise<ReadonlyMap<number, number[]>> {
  if (connection.shards === 1) return new Map([[0, items.map((_, index) => index)]]);
  const found = await findJobs(
    connection,
    items.map(({ id }) => id),
  );
  const places = new Map<number, number[]>();
  for (const [index, job] of found.entries()) {
    if (job === undefined) continue;
    places.set(job.shard, [...(places.get(job.shard) ?? []), index]);
  }
  return places;
}
