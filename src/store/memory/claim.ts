import type { LeaseId, QueueName, TypeName } from "../../core/names.ts";
import { effectiveOptions } from "../../core/precedence.ts";
import type { ClaimAnswer, ClaimItem, Lease } from "../commit.ts";
import { runningCount } from "./queues.ts";
import { byTurn, type JobRow, type SessionRow } from "./row.ts";
import { liveSession } from "./sessions.ts";
import { move, type Write } from "./write.ts";

/** Leases ready jobs to a session: lane by lane as asked, each in the order of its queue. */
export function claimItem(write: Write, item: ClaimItem): ClaimAnswer {
  const session = liveSession(write, item);
  if (session === undefined) return { kind: "gone" };
  const before = item.again === true ? claimedBefore(write, session, item.nonce) : [];
  if (before.length > 0) return { kind: "claimed", leases: before };
  const leases: Lease[] = [];
  let bytes = 0;
  for (const lane of item.lanes) {
    const room = Math.min(lane.jobsMax, roomOf(write, lane.queue));
    const laneMax = Math.min(item.jobsMax, leases.length + room);
    while (leases.length < laneMax) {
      const row = nextReady(write, lane.queue, lane.types);
      if (row === undefined) break;
      bytes += row.payloadBytes;
      if (leases.length > 0 && bytes > item.bytesMax) return { kind: "claimed", leases };
      leases.push(lease(write, row, { session, id: `${item.nonce}-${leases.length}` as LeaseId }));
    }
  }
  return { kind: "claimed", leases };
}

/** What an earlier claim with this nonce leased and the session still holds, in the order of insertion. */
function claimedBefore(write: Write, session: SessionRow, nonce: string): readonly Lease[] {
  return write.tables.leasesOf(session.id).flatMap((row) => {
    return row.lease?.id.startsWith(`${nonce}-`) ? [leaseOf(write, row, row.lease.id)] : [];
  });
}

/** How many more jobs of the queue may run. */
function roomOf(write: Write, queue: QueueName): number {
  const settings = write.tables.queue(queue)?.settings;
  if (settings?.paused === true) return 0;
  return Math.max(0, (settings?.maxConcurrency ?? Number.POSITIVE_INFINITY) - runningCount(write.tables, queue));
}

function nextReady(write: Write, queue: QueueName, types: readonly TypeName[]): JobRow | undefined {
  let next: JobRow | undefined;
  for (const type of types) {
    const first = write.tables.firstReady(queue, type);
    if (first !== undefined && (next === undefined || byTurn(first, next) < 0)) next = first;
  }
  return next;
}

function lease(write: Write, ready: JobRow, request: { readonly session: SessionRow; readonly id: LeaseId }): Lease {
  const { session, id } = request;
  const { principal, worker } = session;
  const row = move(
    write,
    ready,
    "claim",
    { state: "RUNNING" },
    {
      attempt: ready.attempt + 1,
      lease: { id, sessionId: session.id, principal, worker, claimedAt: write.now, end: undefined },
    },
  );
  return leaseOf(write, row, id);
}

function leaseOf(write: Write, row: JobRow, id: LeaseId): Lease {
  const options = effectiveOptions(row, write.tables.queue(row.queue)?.settings, write.defaults);
  return {
    leaseId: id,
    jobId: row.id,
    payload: { type: row.type, bytes: row.payload },
    queue: row.queue,
    attempt: row.attempt,
    timeoutMs: options.timeoutMs,
    maxAttempts: options.maxAttempts,
    failureCount: row.failureCount,
    priority: row.priority,
    rootId: row.rootId,
    parentId: row.parentId,
    role: row.role,
    depth: row.depth,
    key: row.key,
    metadata: row.metadata,
    createdAt: row.createdAt,
  };
}
