import { createLoop, type Loop } from "../../runtime/loop.ts";
import type { MaintenanceContext } from "./context.ts";
import { nextStepInMs } from "./pace.ts";

const rowsPerStepMax = 500;
const pollsBetween = 5;

/** Works off cancels of what lies below ended jobs, some rows a step: woken by what is marked here, and looking for what a crash left. */
export function createCascader(context: MaintenanceContext): Loop {
  return createLoop({
    name: "cascader",
    intervalMs: pollsBetween * context.intervals.pollMs,
    logger: context.logger,
    random: context.ids.random,
    async run() {
      const answer = await context.store.cascade({ max: rowsPerStepMax });
      context.onEffects(answer.effects);
      return nextStepInMs(answer);
    },
  });
}
