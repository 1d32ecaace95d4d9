import { planFaults, type TakeAim } from "./plan-fault.ts";
import { playRandom } from "./random-sequence.ts";
import type { Report } from "./sequence.ts";
import type { Stage } from "./stage.ts";

/** Plays the sequence of a seed; the same commands on every stage, and on a server the troubles of that seed. */
export async function playSeed(options: {
  readonly stage: Stage;
  readonly seed: number;
  readonly dumpEvery: number;
  readonly takeAim: TakeAim;
}): Promise<Report> {
  const { stage, seed, dumpEvery, takeAim } = options;
  const { engine, faulty } = stage;
  const faults = faulty === undefined ? [] : await planFaults(seed, takeAim);
  return playRandom({ engine, faulty, faults, seed, dumpEvery });
}
