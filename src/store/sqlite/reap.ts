import { jitterOf } from "../../core/backoff.ts";
import type { SessionId } from "../../core/names.ts";
import type { ReapAnswer } from "../effects.ts";
import { endLease } from "./end-lease.ts";
import { judgeParents } from "./judge.ts";
import { bufferedOf, type SessionRow } from "./session-row.ts";
import { endSession, giveBack, type LeasedRow, leasesBefore, leasesOf } from "./sessions.ts";
import { effectsOf, type Step } from "./step.ts";

const sessionColumns = "seq, id, principal, epoch, expires_at, buffered";
const selectExpired = `
  SELECT ${sessionColumns} FROM session INDEXED BY session_live WHERE ended_at IS NULL AND expires_at <= ?+0`;
const anyExpired = "SELECT 1 FROM session INDEXED BY session_live WHERE ended_at IS NULL AND expires_at <= ?+0 LIMIT 1";
const selectBuffering = `
  SELECT ${sessionColumns} FROM session INDEXED BY session_live
  WHERE ended_at IS NULL AND expires_at > ?+0 AND buffered IS NOT NULL`;

export interface ReapRequest {
  readonly max: number;
  readonly bufferedMsMax: number;
  readonly jitter: number;
}

interface HeldLease {
  readonly row: LeasedRow;
  readonly sessionId: SessionId;
  readonly isBuffered: boolean;
}

/** Deals with the leases of expired sessions, then with those that living sessions have buffered for too long. */
export function reap(step: Step, request: ReapRequest): ReapAnswer {
  const expired = step.sql.rows<SessionRow>(selectExpired, step.now);
  const leases = inOrder(expired.flatMap((session) => held(session, leasesOf(step, session.seq, request.max)))).slice(
    0,
    request.max,
  );
  for (const [index, { row, isBuffered }] of leases.entries()) {
    if (isBuffered) giveBack(step, row);
    else endLease(step, row, { kind: "crash" }, { sent: 0, jitter: jitterOf(request.jitter, index) });
  }
  const over = expired.filter((session) => leasesOf(step, session.seq, 1).length === 0);
  for (const session of over) endSession(step, session.seq);
  const stale = staleLeases(step, request.bufferedMsMax);
  const taken = stale.slice(0, request.max - leases.length);
  for (const { row } of taken) giveBack(step, row);
  judgeParents(step);
  return {
    count: leases.length + taken.length,
    more: taken.length < stale.length || step.sql.tuple(anyExpired, step.now) !== undefined,
    effects: effectsOf(step),
    sessions: over.map(({ id }) => id),
    taken: taken.map(({ row, sessionId }) => ({ sessionId, leaseId: row.lease })),
  };
}

function staleLeases(step: Step, bufferedMsMax: number): HeldLease[] {
  const sessions = step.sql.rows<SessionRow>(selectBuffering, step.now);
  const before = step.now - bufferedMsMax;
  const old = sessions.flatMap((session) => held(session, leasesBefore(step, session.seq, before)));
  return inOrder(old.filter(({ isBuffered }) => isBuffered));
}

function held(session: SessionRow, rows: readonly LeasedRow[]): HeldLease[] {
  const buffered = bufferedOf(session);
  return rows.map((row) => ({ row, sessionId: session.id, isBuffered: buffered.has(row.lease) }));
}

function inOrder(leases: HeldLease[]): HeldLease[] {
  return leases.sort((left, right) => left.row.seq - right.row.seq);
}
