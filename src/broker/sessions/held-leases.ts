import type { JobId, LeaseId, QueueName, TypeName } from "../../core/names.ts";
import type { Lease } from "../../store/commit.ts";
import type { Subscription } from "../dispatcher.ts";

/** A lease in the hands of a worker: delivered, and its result has not arrived. Times on `Clock.elapsed`. */
export interface HeldLease {
  readonly leaseId: LeaseId;
  readonly jobId: JobId;
  readonly type: TypeName;
  readonly queue: QueueName;
  readonly bytes: number;
  readonly timeoutMs: number;
  /** Number of its delivery in the stream; 0 for one that was kept by a resume. */
  readonly seq: number;
  readonly subscription: Subscription | undefined;
  readonly claimedAt: number;
  /** Undefined while the worker names it as buffered. */
  startedAt: number | undefined;
  /** When the broker takes it, once its handler was asked to stop. */
  cancelAt: number | undefined;
}

/** The leases of a session with what they take of its window. */
export interface HeldLeases {
  readonly jobs: number;
  readonly bytes: number;
  get(leaseId: LeaseId): HeldLease | undefined;
  all(): Iterable<HeldLease>;
  add(lease: HeldLease): void;
  /** These were buffered, and start at the time `now`. */
  started(leaseIds: readonly LeaseId[], now: number): void;
  /** A slot frees; undefined: it was not held. */
  remove(leaseId: LeaseId): HeldLease | undefined;
}

export function createHeldLeases(): HeldLeases {
  const leases = new Map<LeaseId, HeldLease>();
  let bytes = 0;
  return {
    get jobs() {
      return leases.size;
    },
    get bytes() {
      return bytes;
    },
    get: (leaseId) => leases.get(leaseId),
    all: () => leases.values(),
    add(lease) {
      leases.set(lease.leaseId, lease);
      bytes += lease.bytes;
      if (lease.subscription !== undefined) lease.subscription.inFlight += 1;
    },
    started(leaseIds, now) {
      for (const leaseId of leaseIds) {
        const lease = leases.get(leaseId);
        if (lease !== undefined) lease.startedAt ??= now;
      }
    },
    remove(leaseId) {
      const lease = leases.get(leaseId);
      if (lease === undefined) return undefined;
      leases.delete(leaseId);
      bytes -= lease.bytes;
      if (lease.subscription !== undefined) lease.subscription.inFlight -= 1;
      return lease;
    },
  };
}

/** A lease that is delivered at the time `now`, as number `seq` of its stream. */
export function justClaimed(
  { leaseId, jobId, queue, timeoutMs, payload }: Lease,
  at: { readonly seq: number; readonly subscription: Subscription | undefined; readonly now: number },
): HeldLease {
  const { seq, subscription, now } = at;
  const bytes = payload.bytes.length;
  const lease = { leaseId, jobId, type: payload.type, queue, bytes, timeoutMs, seq, subscription };
  return { ...lease, claimedAt: now, startedAt: now, cancelAt: undefined };
}
