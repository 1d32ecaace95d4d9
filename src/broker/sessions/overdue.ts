import type { BrokerIntervals } from "../options.ts";
import type { HeldLease, HeldLeases } from "./held-leases.ts";

export interface Overdue {
  /** Were asked to stop, and the grace is over. */
  readonly cancelled: readonly HeldLease[];
  /** Ran longer than their time-out and its grace: the worker did not enforce it. */
  readonly timedOut: readonly HeldLease[];
  /** Have not begun for too long. Any broker takes them from the store, and only the one with the stream can tell the worker. */
  readonly unstarted: readonly HeldLease[];
}

/** The leases that a broker must take from their worker at the time `now`, see `HeldLease`. */
export function overdue(
  leases: HeldLeases,
  now: number,
  { timeoutGraceMs, bufferedMsMax }: Pick<BrokerIntervals, "timeoutGraceMs" | "bufferedMsMax">,
): Overdue {
  const cancelled: HeldLease[] = [];
  const timedOut: HeldLease[] = [];
  const unstarted: HeldLease[] = [];
  for (const lease of leases.all()) {
    if (lease.cancelAt !== undefined && lease.cancelAt <= now) cancelled.push(lease);
    else if (lease.startedAt === undefined) {
      if (lease.claimedAt + bufferedMsMax < now) unstarted.push(lease);
    } else if (lease.startedAt + lease.timeoutMs + timeoutGraceMs <= now) timedOut.push(lease);
  }
  return { cancelled, timedOut, unstarted };
}
