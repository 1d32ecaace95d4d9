import type { LeaseId } from "../../core/names.ts";
import { reasonOf, State } from "../codes.ts";
import type { RenewAnswer, RenewItem } from "../commit.ts";
import type { KeptLease, NewSession, ResumeAnswer, ResumeRequest, SessionRef } from "../session.ts";
import { endLease, optionsOf } from "./end-lease.ts";
import { type JobRow, jobColumns } from "./job-row.ts";
import { judgeParents } from "./judge.ts";
import { bufferedText, liveSession, loadSession } from "./session-row.ts";
import { effectsOf, type Step } from "./step.ts";

const insertSession = `
  INSERT INTO session (id, principal, worker, instance, epoch, opened_at, expires_at) VALUES (?, ?, ?, ?, 1, ?, ?)
  ON CONFLICT (id) DO NOTHING`;
const renewSession = "UPDATE session SET expires_at = ?, buffered = ? WHERE seq = ? AND epoch = ?";
const takeSession = "UPDATE session SET expires_at = ?, buffered = ?, epoch = epoch + 1 WHERE seq = ?";
const detach = "UPDATE session SET expires_at = min(expires_at, ?) WHERE seq = ? AND epoch = ?";
const end = "UPDATE session SET ended_at = ?, buffered = NULL WHERE seq = ?";

/** A running job whose lease a session holds. */
export type LeasedRow = JobRow & {
  readonly lease: LeaseId;
  readonly session: number;
  readonly payload_bytes: number;
};

const selectLeases = `
  SELECT ${jobColumns}, payload_bytes FROM job INDEXED BY job_session
  WHERE session = ?+0 AND state = ${State.RUNNING} ORDER BY seq LIMIT ?+0`;

const selectOldLeases = `
  SELECT ${jobColumns}, payload_bytes FROM job INDEXED BY job_session
  WHERE session = ?+0 AND claimed_at < ?+0 AND state = ${State.RUNNING}`;

const selectCancels = `
  SELECT lease, cancel FROM job INDEXED BY job_session
  WHERE session = ?+0 AND state = ${State.RUNNING} AND cancel <> 0 ORDER BY seq`;

const selectOldestJob = "SELECT created_at FROM job WHERE seq > 0 ORDER BY seq LIMIT 1";
const forgetEnded = `
  DELETE FROM session WHERE seq IN (
    SELECT seq FROM session INDEXED BY session_over WHERE ended_at IS NOT NULL AND ended_at < ?+0 LIMIT ?+0)`;

/** At most `max` running jobs of a session, in insertion order. */
export function leasesOf(step: Step, session: number, max: number = Number.MAX_SAFE_INTEGER): LeasedRow[] {
  return step.sql.rows<LeasedRow>(selectLeases, session, max);
}

/** Running jobs of a session that were claimed before a time. */
export function leasesBefore(step: Step, session: number, claimedBefore: number): LeasedRow[] {
  return step.sql.rows<LeasedRow>(selectOldLeases, session, claimedBefore);
}

export function openSession(step: Step, session: NewSession): void {
  const { sessionId, principal, worker, instanceId, ttlMs } = session;
  step.sql.run(insertSession, sessionId, principal, worker, instanceId, step.now, step.now + ttlMs);
}

export function renew(step: Step, item: RenewItem): RenewAnswer {
  const session = liveSession(step, item);
  if (session === undefined) return { kind: "gone" };
  step.sql.run(renewSession, step.now + item.ttlMs, bufferedText(item.buffered), session.seq, item.epoch);
  return { kind: "renewed", cancels: askedToStop(step, session.seq) };
}

/** The leases of a session whose job should be stopped, in the order of their jobs' insertion. */
function askedToStop(step: Step, session: number): Extract<RenewAnswer, { kind: "renewed" }>["cancels"] {
  return step.sql.tuples<[LeaseId, number]>(selectCancels, session).flatMap(([leaseId, cancel]) => {
    const reason = reasonOf(cancel);
    return reason === undefined ? [] : [{ leaseId, reason }];
  });
}

export function detachSession(step: Step, request: SessionRef & { readonly graceMs: number }): void {
  const session = liveSession(step, request);
  if (session !== undefined) step.sql.run(detach, step.now + request.graceMs, session.seq, request.epoch);
}

/** Ends a session whose worker said goodbye; answers how many leases went back. */
export function closeSession(step: Step, ref: SessionRef): number {
  const session = liveSession(step, ref);
  if (session === undefined) return 0;
  const rows = leasesOf(step, session.seq);
  for (const row of rows) giveBack(step, row);
  endSession(step, session.seq);
  judgeParents(step);
  return rows.length;
}

export function endSession(step: Step, seq: number): void {
  step.sql.run(end, step.now, seq);
}

/** Takes over a session for a new stream: leases on both sides stay, the store's alone go back. */
export function resumeSession(step: Step, request: ResumeRequest): ResumeAnswer {
  const session = loadSession(step, request.sessionId);
  if (session === undefined || session.principal !== request.principal) return { kind: "gone" };
  const buffered = request.held.filter((each) => each.buffered).map((each) => each.leaseId);
  step.sql.run(takeSession, step.now + request.ttlMs, bufferedText(buffered), session.seq);
  const missing = new Set(request.held.map((each) => each.leaseId));
  const kept: KeptLease[] = [];
  for (const row of leasesOf(step, session.seq)) {
    if (missing.delete(row.lease)) kept.push(keptLease(step, row));
    else giveBack(step, row);
  }
  judgeParents(step);
  return { kind: "resumed", epoch: session.epoch + 1, kept, lost: [...missing], effects: effectsOf(step) };
}

/** Takes a lease back that counts nothing. */
export function giveBack(step: Step, row: JobRow): void {
  endLease(step, row, { kind: "giveBack" }, { sent: 0, jitter: 0 });
}

function keptLease(step: Step, row: LeasedRow): KeptLease {
  const { queue, type } = step.mirror.lane(row.lane);
  return {
    leaseId: row.lease,
    jobId: row.id,
    type,
    queue,
    payloadBytes: row.payload_bytes,
    timeoutMs: optionsOf(step, row).timeoutMs,
    sinceClaimMs: step.now - (row.claimed_at ?? step.now),
    cancelReason: reasonOf(row.cancel),
  };
}

/** Forgets at most `max` sessions that ended before the oldest job came: no history names them. */
export function forgetSessions(step: Step, max: number): void {
  const [oldest = step.now] = step.sql.tuple<[number]>(selectOldestJob) ?? [];
  step.sql.run(forgetEnded, oldest, max);
}
