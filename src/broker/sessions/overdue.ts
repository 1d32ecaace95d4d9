import type { HeldLease, HeldLeases } from "./held-leases.ts";

export interface Overdue {
  /** Were asked to stop, and the grace is over. */
  readonly cancelled: readonly HeldLease[];
  /** Ran longer than their time-out and its grace: the worker did not enforce it. */
  readonly timedOut: readonly HeldLease[];
}

/** The leases that a broker must take from their worker at the time `now`, see `HeldLease`. */
export function overdue(leases: HeldLeases, now: number, timeoutGraceMs: number): Overdue {
  const cancelled: HeldLease[] = [];
  const timedOut: HeldLease[] = [];
  for (const lease of leases.all()) {
    if (lease.cancelAt !== undefined && lease.cancelAt <= now) cancelled.push(lease);
    else if (lease.startedAt !== undefined && lease.startedAt + lease.timeoutMs + timeoutGraceMs <= now)
      timedOut.push(lease);
  }
  return { cancelled, timedOut };
}
