import type { Loop } from "../../runtime/loop.ts";
import type { MaintenanceContext } from "./context.ts";
import { createUpkeepLoop, pollsBetweenMarks } from "./upkeep-loop.ts";

/** Carries the ends of jobs up to their parents, level by level: woken by what is marked here, and looking for what a crash left. */
export function createPropagator(context: MaintenanceContext): Loop {
  const { store, intervals } = context;
  return createUpkeepLoop(context, {
    name: "propagator",
    intervalMs: pollsBetweenMarks * intervals.pollMs,
    step: store.propagate,
  });
}
