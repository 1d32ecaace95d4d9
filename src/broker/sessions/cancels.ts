import type { EndReason } from "../../core/job.ts";
import type { LeaseId } from "../../core/names.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { HeldLeases } from "./held-leases.ts";
import type { Outbox } from "./outbox.ts";

export interface CancelledLease {
  readonly leaseId: LeaseId;
  readonly reason: EndReason;
}

/** Asks handlers to stop, each once. */
export interface Cancels {
  push(cancels: readonly CancelledLease[]): void;
  /** These have been delivered now: what was cancelled on the way is pushed. */
  delivered(leaseIds: readonly LeaseId[]): void;
  /** No claim is under way any more. */
  claimed(): void;
}

export function createCancels(options: {
  readonly leases: HeldLeases;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly graceMs: number;
  /** A claim is under way: a lease that is not held yet may come with it. */
  readonly claiming: () => boolean;
}): Cancels {
  const { leases, outbox, clock, graceMs } = options;
  const early = new Map<LeaseId, EndReason>();

  function push(cancels: readonly CancelledLease[]): void {
    const known = cancels.filter(({ leaseId, reason }) => {
      const lease = leases.get(leaseId);
      if (lease === undefined && options.claiming()) early.set(leaseId, reason);
      if (lease === undefined || lease.cancelAt !== undefined) return false;
      lease.cancelAt = clock.elapsed() + graceMs;
      return true;
    });
    if (known.length > 0) outbox.cancel(known, graceMs);
  }

  return {
    push,
    delivered(leaseIds) {
      if (early.size === 0) return;
      push(
        leaseIds.flatMap((leaseId) => {
          const reason = early.get(leaseId);
          return reason === undefined ? [] : [{ leaseId, reason }];
        }),
      );
    },
    claimed: () => early.clear(),
  };
}
