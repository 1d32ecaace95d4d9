import { createLoop, type Loop } from "../../runtime/loop.ts";
import type { MaintenanceContext } from "./context.ts";
import { nextStepInMs } from "./pace.ts";

const jobsPerStepMax = 500;
const pollsBetween = 5;

/** Carries the ends of jobs up to their parents, level by level: woken by what is marked here, and looking for what a crash left. */
export function createPropagator(context: MaintenanceContext): Loop {
  return createLoop({
    name: "propagator",
    intervalMs: pollsBetween * context.intervals.pollMs,
    logger: context.logger,
    random: context.ids.random,
    async run() {
      const answer = await context.store.propagate({ max: jobsPerStepMax });
      context.onEffects(answer.effects);
      return nextStepInMs(answer);
    },
  });
}
