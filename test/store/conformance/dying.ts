import type { Outcome } from "../../../src/core/job.ts";
import { discard, success } from "../jobs.ts";
import type { World } from "./world.ts";

/** Plays everything to its end; the named jobs are discarded. */
export function dying(...ids: readonly string[]): (id: string) => Outcome {
  return (id) => (ids.includes(id) ? discard() : success());
}

/** How often each of these jobs came back from its end. */
export async function epochs(world: World, ...ids: readonly string[]): Promise<readonly number[]> {
  const found: number[] = [];
  for (const id of ids) found.push((await world.get(id)).epoch);
  return found;
}
