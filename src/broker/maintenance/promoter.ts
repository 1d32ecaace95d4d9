import { createLoop, type Loop } from "../../runtime/loop.ts";
import type { MaintenanceContext } from "./context.ts";
import { nextStepInMs } from "./pace.ts";

const jobsPerStepMax = 500;

/** Makes due jobs claimable: sleeps until the next one is due. */
export function createPromoter(context: MaintenanceContext): Loop {
  return createLoop({
    name: "promoter",
    intervalMs: context.intervals.pollMs,
    logger: context.logger,
    random: context.ids.random,
    async run() {
      const answer = await context.store.promote({ max: jobsPerStepMax });
      context.onEffects(answer.effects);
      return nextStepInMs(answer) ?? answer.nextInMs;
    },
  });
}
