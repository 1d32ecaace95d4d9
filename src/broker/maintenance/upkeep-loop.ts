import { createLoop, type Loop } from "../../runtime/loop.ts";
import type { UpkeepAnswer } from "../../store/effects.ts";
import type { MaintenanceContext } from "./context.ts";
import { nextStepInMs } from "./pace.ts";

const rowsPerStepMax = 500;

/** Runs a verb of the store, some rows a step: at once while there is more, when it is woken, and at the latest after `intervalMs`. */
export function createUpkeepLoop(
  context: MaintenanceContext,
  options: {
    readonly name: string;
    readonly intervalMs: number;
    readonly step: (request: { readonly max: number }) => Promise<UpkeepAnswer>;
  },
): Loop {
  return createLoop({
    name: options.name,
    intervalMs: options.intervalMs,
    logger: context.logger,
    random: context.ids.random,
    async run() {
      const answer = await options.step({ max: rowsPerStepMax });
      context.onEffects(answer.effects);
      return nextStepInMs(answer);
    },
  });
}

/** How often is looked for due marks that a crash left, in polls. */
export const pollsBetweenMarks = 5;
