import { isTerminal } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { createLoop, type Loop } from "../../runtime/loop.ts";
import type { LookSchedule } from "../look-schedule.ts";
import type { Waiters } from "../waiters.ts";
import type { MaintenanceContext } from "./context.ts";

const idsPerLookMax = 1_000;

/** Looks at the jobs that somebody waits for here, many at once: another broker may have ended them, and its hint may be lost. */
export function createWaitWatch(
  context: MaintenanceContext & { readonly waiters: Waiters; readonly schedule: LookSchedule<JobId> },
): Loop {
  const { store, waiters, schedule } = context;

  async function look(ids: readonly JobId[]): Promise<void> {
    const statuses = await store.getStatuses(ids);
    waiters.wake(
      ids.flatMap((id, index) => {
        const status = statuses[index];
        // Whoever waits for a job that is gone is told so when it is read.
        if (status === undefined) return { id, state: undefined };
        return status.ran || isTerminal(status.state) ? { id, state: status.state } : [];
      }),
    );
  }

  return createLoop({
    name: "wait watch",
    intervalMs: context.intervals.pollMs,
    logger: context.logger,
    random: context.ids.random,
    async run() {
      const due = schedule.due();
      for (let first = 0; first < due.length; first += idsPerLookMax)
        await look(due.slice(first, first + idsPerLookMax));
      return schedule.nextInMs();
    },
  });
}
