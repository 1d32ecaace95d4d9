import { createLoop, type Loop } from "../../runtime/loop.ts";
import type { ReapAnswer } from "../../store/effects.ts";
import type { Reach } from "../reach.ts";
import type { MaintenanceContext } from "./context.ts";
import { nextStepInMs } from "./pace.ts";

const leasesPerStepMax = 500;

/**
 * Ends sessions that were not renewed, and frees leases that were buffered for too long. At start, after a write that failed for the
 * store's sake, a gap in reaching it or a leap of its clock it waits one full time to live: nobody could renew in time either.
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
      reach.told(await context.store.readTime());
      const waitMs = intervals.sessionTtlMs - reach.steadyMs();
      if (waitMs > 0) return Math.min(waitMs, intervals.pollMs);
      const { bufferedMsMax } = intervals;
      const answer = await context.store.reap({ max: leasesPerStepMax, bufferedMsMax, jitter: context.ids.random() });
      context.onReaped(answer);
      context.onEffects(answer.effects);
      return nextStepInMs(answer);
    },
  });
}
