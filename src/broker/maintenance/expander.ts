import type { Loop } from "../../runtime/loop.ts";
import type { MaintenanceContext } from "./context.ts";
import { createUpkeepLoop, pollsBetweenMarks } from "./upkeep-loop.ts";

/** Puts staged children of accepted results into their chains: woken by what is marked here, and looking for what a crash left. */
export function createExpander(context: MaintenanceContext): Loop {
  const { store, intervals } = context;
  return createUpkeepLoop(context, {
    name: "expander",
    intervalMs: pollsBetweenMarks * intervals.pollMs,
    step: store.expand,
  });
}
