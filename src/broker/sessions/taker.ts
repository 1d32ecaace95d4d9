import type { Outcome } from "../../core/job.ts";
import type { LeaseId } from "../../core/names.ts";
import type { HeldLease, HeldLeases } from "./held-leases.ts";
import type { Outbox } from "./outbox.ts";
import { overdue } from "./overdue.ts";
import type { SessionContext } from "./session-context.ts";
import { settleUntilDurable } from "./settler.ts";

/** Takes leases from their worker. */
export interface Taker {
  /** They never reached the worker: they go back free. */
  giveBack(leases: readonly HeldLease[]): void;
  /** Takes what is late at the time `now`, see `overdue`; answers whether there was any. */
  takeLate(now: number): boolean;
  /** Claimed for a stream that has no room for them, or had closed: nobody has seen them, so that no crash may be counted. */
  refuse(leaseIds: readonly LeaseId[]): void;
}

export function createTaker(options: {
  readonly leases: HeldLeases;
  readonly outbox: Outbox;
  readonly context: SessionContext;
  /** Aborts when the stream has closed: then the leases are the next stream's, or the reaper's. */
  readonly signal: AbortSignal;
}): Taker {
  const { leases, outbox, context, signal } = options;

  /** The slot is free at once; the worker, if it knows of the lease, is told when that is durable. */
  async function take(lease: HeldLease, outcome: Outcome, known = true): Promise<void> {
    leases.remove(lease.leaseId);
    const answer = await settle(lease.leaseId, outcome, signal);
    if (answer === undefined) return;
    context.dispatcher.freed(lease.queue);
    if (known) outbox.lost([lease.leaseId]);
  }

  function settle(leaseId: LeaseId, outcome: Outcome, until: AbortSignal) {
    const { committer, logger, ids } = context;
    const item = { leaseId, outcome, sent: outcome.kind, jitter: ids.random() };
    return settleUntilDurable(item, { committer, signal: until, logger });
  }

  return {
    giveBack(lost) {
      for (const lease of lost) void take(lease, { kind: "release" }, false);
    },
    takeLate(now) {
      const late = overdue(leases, now, context.intervals);
      for (const lease of late.cancelled) {
        void take(lease, { kind: "cancel", message: "its handler did not stop in time" });
      }
      for (const lease of late.timedOut) {
        const message = `no result within its time-out of ${lease.timeoutMs} ms`;
        void take(lease, { kind: "failure", error: { name: "TIMED_OUT", message, stack: "" }, timedOut: true });
      }
      for (const lease of late.unstarted) void take(lease, { kind: "release" });
      return late.cancelled.length + late.timedOut.length + late.unstarted.length > 0;
    },
    refuse(leaseIds) {
      for (const leaseId of leaseIds) void settle(leaseId, { kind: "release" }, context.signal);
    },
  };
}
