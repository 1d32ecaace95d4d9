import type { Loop } from "../../runtime/loop.ts";
import type { MaintenanceContext } from "./context.ts";
import { createUpkeepLoop } from "./upkeep-loop.ts";

/** Removes chains whose retention is over, and goes on with what a call began to remove: about once a minute, at once while there is more. */
export function createPruner(context: MaintenanceContext): Loop {
  const { store, intervals } = context;
  return createUpkeepLoop(context, { name: "pruner", intervalMs: intervals.pruneMs, step: store.prune });
}
