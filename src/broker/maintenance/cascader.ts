import type { Loop } from "../../runtime/loop.ts";
import type { MaintenanceContext } from "./context.ts";
import { createUpkeepLoop, pollsBetweenMarks } from "./upkeep-loop.ts";

/** Works off what is due below jobs, what a revival brings back and what an end cancels: woken by what is marked here, and looking for what a crash left. */
export function createCascader(context: MaintenanceContext): Loop {
  const { store, intervals } = context;
  return createUpkeepLoop(context, {
    name: "cascader",
    intervalMs: pollsBetweenMarks * intervals.pollMs,
    step: store.cascade,
  });
}
