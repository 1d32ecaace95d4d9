import { createLoop, type Loop } from "../../runtime/loop.ts";
import type { ReapAnswer } from "../../store/store.ts";
import type { Reach } from "../reach.ts";
import type { MaintenanceContext } from "./context.ts";

const leasesPerStepMax = 500;

/**
 * Ends sessions that were not renewed, and frees leases that were buffered for too long. At start and after a gap in reaching the
 * store it waits one full time to live: workers could not renew through this broker either.
 */
export function createReaper(
  context: MaintenanceContext & { readonly reach: Reach; readonly onReaped: (answer: ReapAnswer) => void },
): Loop {
  const { intervals, reach } = context;
  return createLoop({
    name: "reaper",
    intervalMs: intervals.pollMs,
    logger: context.logger,
    random: context.ids.random,
    async run() {
      const waitMs = intervals.sessionTtlMs - reach.steadyMs();
      if (waitMs > 0) return Math.min(waitMs, intervals.pollMs);
      const { bufferedMsMax } = intervals;
      const answer = await context.store.reap({ max: leasesPerStepMax, bufferedMsMax, jitter: context.ids.random() });
      context.onReaped(answer);
      context.onEffects(answer.effects);
      return answer.more ? 0 : undefined;
    },
  });
}
