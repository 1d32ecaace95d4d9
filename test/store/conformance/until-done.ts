import type { UpkeepAnswer } from "../../../src/store/effects.ts";

/** Repeats a step of upkeep until it has no more to do; whether it did anything. */
export async function untilDone(step: () => Promise<UpkeepAnswer>): Promise<boolean> {
  let worked = false;
  for (let steps = 0; steps < 10_000; steps += 1) {
    const { count, more } = await step();
    worked ||= count > 0;
    if (!more) return worked;
  }
  throw new Error("upkeep has work for ever");
}
