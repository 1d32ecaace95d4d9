import type { LeaseId, SessionId } from "../../core/names.ts";
import type { SessionRef } from "../session.ts";
import type { Step } from "./step.ts";

export interface SessionRow {
  readonly seq: number;
  readonly id: SessionId;
  readonly principal: string;
  readonly epoch: number;
  readonly expires_at: number;
  /** JSON. */
  readonly buffered: string | null;
}

const selectSession = `
  SELECT seq, id, principal, epoch, expires_at, buffered FROM session WHERE id = ? AND ended_at IS NULL`;

/** The session, unless it has ended. */
export function loadSession(step: Step, id: SessionId): SessionRow | undefined {
  return step.sql.row<SessionRow>(selectSession, id);
}

/** The session, when it has not ended and the caller's epoch is its newest. */
export function liveSession(step: Step, ref: SessionRef): SessionRow | undefined {
  const session = loadSession(step, ref.sessionId);
  return session?.epoch === ref.epoch ? session : undefined;
}

/** The leases last named as buffered. */
export function bufferedOf(session: Pick<SessionRow, "buffered">): ReadonlySet<LeaseId> {
  // Written by bufferedText alone.
  return new Set(session.buffered === null ? [] : (JSON.parse(session.buffered) as LeaseId[]));
}

export function bufferedText(leases: readonly LeaseId[]): string | null {
  return leases.length === 0 ? null : JSON.stringify(leases);
}
