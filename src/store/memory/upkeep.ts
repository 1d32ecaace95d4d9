import { jitterOf } from "../../core/backoff.ts";
import { hasOpenBelow } from "../../core/chain.ts";
import type { SessionId } from "../../core/names.ts";
import { groupType } from "../../core/names.ts";
import type { PromoteAnswer, ReapAnswer, UpkeepAnswer } from "../effects.ts";
import { cascadeStep, flipEdge, releaseChildren, runEnded, settleFlips } from "./chain.ts";
import { endLease } from "./lease-end.ts";
import { reviveStep } from "./revive.ts";
import { byInsertion, type JobRow } from "./row.ts";
import { giveBack } from "./sessions.ts";
import { effectsOf, move, type Write } from "./write.ts";

export function promote(write: Write, max: number): PromoteAnswer {
  const due = write.tables.waiting.head(max).filter((row) => row.runAt <= write.now);
  for (const row of due) {
    if (row.type === groupType) runGroup(write, row);
    else move(write, row, "promote", { state: "READY" });
  }
  settleFlips(write);
  const next = write.tables.waiting.first();
  const nextInMs = next === undefined ? undefined : Math.max(0, next.runAt - write.now);
  return { count: due.length, more: nextInMs === 0, nextInMs, effects: effectsOf(write) };
}

/** A group has no work of its own: its run is accepted when its time has come. */
function runGroup(write: Write, row: JobRow): void {
  const waits = hasOpenBelow(row) || row.childrenNotOk + row.heirsNotOk > 0;
  const state = waits ? "AWAITING_CHILDREN" : "COMPLETED";
  const moved = move(write, row, "promote", { state }, { run: "SUCCEEDED", ranAt: write.now });
  releaseChildren(write, row.id);
  runEnded(write, moved);
}

export function propagate(write: Write, max: number): UpkeepAnswer {
  const marked = write.tables.propagateDue.head(max);
  for (const row of marked) flipEdge(write, row);
  settleFlips(write);
  return { count: marked.length, more: write.tables.propagateDue.size > 0, effects: effectsOf(write) };
}

/** Brings back and cancels what is due below jobs; one whose staged children are not yet in its chain waits for them. */
export function cascade(write: Write, max: number): UpkeepAnswer {
  let count = 0;
  for (const { id } of workable(write)) {
    if (count < max) count += reviveStep(write, write.tables.mustJob(id), max - count);
    const row = write.tables.mustJob(id);
    if (count < max && row.reviving === undefined) count += cascadeStep(write, row, max - count);
  }
  settleFlips(write);
  return { count, more: workable(write).length > 0, effects: effectsOf(write) };
}

function workable(write: Write): JobRow[] {
  return write.tables.cascadeDue.head().filter((row) => row.staged?.due !== true);
}

interface ReapRequest {
  readonly max: number;
  readonly bufferedMsMax: number;
  readonly jitter: number;
}

export function reap(write: Write, request: ReapRequest): ReapAnswer {
  const ended = endExpired(write, request);
  const stale = staleLeases(write, request.bufferedMsMax);
  const taken = stale.slice(0, request.max - ended.count);
  for (const { row } of taken) giveBack(write, row);
  settleFlips(write);
  return {
    count: ended.count + taken.length,
    more: expiredSessions(write).length > 0 || taken.length < stale.length,
    effects: effectsOf(write),
    sessions: ended.sessions,
    taken: taken.map(({ sessionId, leaseId }) => ({ sessionId, leaseId })),
  };
}

function expiredSessions(write: Write) {
  return write.tables.sessions().filter((session) => session.expiresAt <= write.now);
}

/** Deals with leases of expired sessions, and ends each session with its last lease. */
function endExpired(write: Write, request: ReapRequest): { count: number; sessions: SessionId[] } {
  const expired = expiredSessions(write);
  const leases = expired
    .flatMap((session) => write.tables.leasesOf(session.id).map((row) => ({ row, buffered: isBuffered(row, session) })))
    .sort((left, right) => byInsertion(left.row, right.row))
    .slice(0, request.max);
  for (const [index, { row, buffered }] of leases.entries()) {
    if (buffered) giveBack(write, row);
    else endLease(write, row, { end: { kind: "crash" }, sent: undefined, jitter: jitterOf(request.jitter, index) });
  }
  const sessions = expired.map(({ id }) => id).filter((id) => write.tables.leasesOf(id).length === 0);
  for (const id of sessions) write.tables.deleteSession(id);
  return { count: leases.length, sessions };
}

function isBuffered(row: JobRow, session: { readonly buffered: ReadonlySet<string> }): boolean {
  return row.lease !== undefined && session.buffered.has(row.lease.id);
}

/** Leases of living sessions that were named as not started for too long. */
function staleLeases(write: Write, bufferedMsMax: number) {
  return write.tables
    .sessions()
    .filter((session) => session.expiresAt > write.now)
    .flatMap((session) =>
      write.tables.leasesOf(session.id).flatMap((row) => {
        const lease = row.lease;
        if (lease === undefined || !session.buffered.has(lease.id)) return [];
        if (write.now - lease.claimedAt <= bufferedMsMax) return [];
        return [{ row, sessionId: session.id, leaseId: lease.id }];
      }),
    )
    .sort((left, right) => byInsertion(left.row, right.row));
}
