import type { LeaseId } from "../../core/names.ts";
import { effectiveOptions } from "../../core/precedence.ts";
import type { RenewAnswer, RenewItem } from "../commit.ts";
import type { KeptLease, NewSession, ResumeAnswer, ResumeRequest, SessionRef } from "../session.ts";
import { settleFlips } from "./chain.ts";
import { endLease } from "./lease-end.ts";
import type { JobRow, SessionRow } from "./row.ts";
import { effectsOf, type Write } from "./write.ts";

/** The session, when it is there and the caller's epoch is its newest. */
export function liveSession(write: Write, ref: SessionRef): SessionRow | undefined {
  const session = write.tables.session(ref.sessionId);
  return session?.epoch === ref.epoch ? session : undefined;
}

export function openSession(write: Write, session: NewSession): void {
  if (write.tables.session(session.sessionId) !== undefined) return;
  const { sessionId, ttlMs, ...rest } = session;
  write.tables.putSession({ ...rest, id: sessionId, epoch: 1, expiresAt: write.now + ttlMs, buffered: new Set() });
}

export function renewItem(write: Write, item: RenewItem): RenewAnswer {
  const session = liveSession(write, item);
  if (session === undefined) return { kind: "gone" };
  write.tables.putSession({ ...session, expiresAt: write.now + item.ttlMs, buffered: new Set(item.buffered) });
  return { kind: "renewed", cancels: askedToStop(write, session) };
}

/** The leases of the session whose job should be stopped, in the order of their jobs' insertion. */
function askedToStop(write: Write, session: SessionRow): Extract<RenewAnswer, { kind: "renewed" }>["cancels"] {
  return write.tables.leasesOf(session.id).flatMap(({ lease, cancelRequested, ownReason: reason }) => {
    return cancelRequested && lease !== undefined && reason !== undefined ? [{ leaseId: lease.id, reason }] : [];
  });
}

export function detachSession(write: Write, request: SessionRef & { readonly graceMs: number }): void {
  const session = liveSession(write, request);
  if (session === undefined) return;
  write.tables.putSession({ ...session, expiresAt: Math.min(session.expiresAt, write.now + request.graceMs) });
}

/** Answers how many leases went back. */
export function closeSession(write: Write, ref: SessionRef): number {
  if (liveSession(write, ref) === undefined) return 0;
  const rows = write.tables.leasesOf(ref.sessionId);
  for (const row of rows) giveBack(write, row);
  write.tables.deleteSession(ref.sessionId);
  settleFlips(write);
  return rows.length;
}

export function resumeSession(write: Write, request: ResumeRequest): ResumeAnswer {
  const session = write.tables.session(request.sessionId);
  if (session === undefined || session.principal !== request.principal) return { kind: "gone" };
  const held = new Set(request.held.map((each) => each.leaseId));
  const buffered = new Set(request.held.filter((each) => each.buffered).map((each) => each.leaseId));
  const next = { ...session, epoch: session.epoch + 1, expiresAt: write.now + request.ttlMs, buffered };
  write.tables.putSession(next);
  const kept: KeptLease[] = [];
  const found = new Set<LeaseId>();
  for (const row of write.tables.leasesOf(session.id)) {
    const leaseId = row.lease?.id;
    if (leaseId === undefined || !held.has(leaseId)) giveBack(write, row);
    else {
      found.add(leaseId);
      kept.push(keptLease(write, row, leaseId));
    }
  }
  settleFlips(write);
  const lost = [...held].filter((leaseId) => !found.has(leaseId));
  return { kind: "resumed", epoch: next.epoch, kept, lost, effects: effectsOf(write) };
}

/** Takes a lease back that counts nothing. */
export function giveBack(write: Write, row: JobRow): JobRow {
  return endLease(write, row, { end: { kind: "giveBack" }, sent: undefined, jitter: 0 });
}

function keptLease(write: Write, row: JobRow, leaseId: LeaseId): KeptLease {
  const options = effectiveOptions(row, write.tables.queue(row.queue)?.settings, write.defaults);
  return {
    leaseId,
    jobId: row.id,
    type: row.type,
    queue: row.queue,
    payloadBytes: row.payloadBytes,
    timeoutMs: options.timeoutMs,
    sinceClaimMs: write.now - (row.lease?.claimedAt ?? write.now),
    cancelReason: row.cancelRequested ? row.ownReason : undefined,
  };
}
