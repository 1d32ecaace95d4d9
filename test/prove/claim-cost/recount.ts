import type { JobState } from "../../../src/core/job.ts";
import { defaultQueue } from "../../../src/core/names.ts";
import type { Store } from "../../../src/store/store.ts";

const pageSize = 1_000;

/** Reads every job of the default queue and names where the kept counters say otherwise. */
export async function recount(
  store: Store,
): Promise<{ readonly jobs: number; readonly differences: readonly string[] }> {
  const found = new Map<JobState, number>();
  let jobs = 0;
  for (let cursor: string | undefined, first = true; first || cursor !== undefined; first = false) {
    const filter = { states: [], includeChainFailed: true };
    const page = await store.listJobs(filter, { size: pageSize, ...(cursor === undefined ? {} : { cursor }) });
    for (const { state } of page.items) found.set(state, (found.get(state) ?? 0) + 1);
    jobs += page.items.length;
    cursor = page.cursor;
  }
  const queue = await store.getQueue(defaultQueue);
  const kept = new Map<JobState, number>();
  for (const { counts } of queue?.lanes ?? []) {
    for (const [state, count] of Object.entries(counts) as [JobState, number][]) {
      kept.set(state, (kept.get(state) ?? 0) + count);
    }
  }
  const differences = [...new Set([...found.keys(), ...kept.keys()])].flatMap((state) => {
    const [counted = 0, there = 0] = [kept.get(state), found.get(state)];
    return counted === there ? [] : [`${counted} jobs are counted in ${state}, there are ${there}`];
  });
  return { jobs, differences };
}
