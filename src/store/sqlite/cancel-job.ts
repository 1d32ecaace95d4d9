import type { LeaseId, SessionId } from "../../core/names.ts";
import { isTerminalCode, RunCode, reasonOf, State } from "../codes.ts";
import { type BelowMode, widenCascade } from "./barrier.ts";
import { endRun } from "./end-run.ts";
import { type JobRow, saveJob } from "./job-row.ts";
import type { Step } from "./step.ts";

const selectSessionId = "SELECT id FROM session WHERE seq = ?";

/** Why a job is cancelled, and what its parent's mode leaves of it. */
export interface Cancelling {
  readonly reason: number;
  readonly mode: BelowMode;
  /** No heir below runs either. */
  readonly heirs?: boolean;
}

/**
 * Cancels one job as its parent's mode asks: a waiting one's run is over, a running one is asked to stop, one that waits
 * for what is below it has that cancelled. The first reason stays; a repeat can only add the heirs. Answers whether it changed.
 */
export function cancelJob(step: Step, row: JobRow, by: Cancelling): boolean {
  const { reason, mode } = by;
  const cancel_heirs = by.heirs === true || mode === "NOTHING" ? 1 : 0;
  const addsHeirs = cancel_heirs === 1 && row.cancel_heirs === 0;
  if (isTerminalCode(row.state)) return false;
  if (row.state === State.RUNNING) {
    if (row.cancel === 0) requestStop(step, saveJob(step, row, { cancel: reason, cancel_heirs }));
    else if (addsHeirs) saveJob(step, row, { cancel_heirs });
    return row.cancel === 0 || addsHeirs;
  }
  if (row.state === State.AWAITING_CHILDREN) {
    const isFirst = row.run === RunCode.SUCCEEDED && row.cancel === 0;
    const mayAdd = row.run === RunCode.SUCCEEDED || row.run === RunCode.CANCELLED;
    if (!isFirst && !(mayAdd && addsHeirs)) return false;
    saveJob(step, row, isFirst ? { cancel: reason, cancel_heirs } : { cancel_heirs });
    widenCascade(step, row.seq);
    return true;
  }
  const run = mode === "NOTHING" ? RunCode.SKIPPED : RunCode.CANCELLED;
  endRun(step, row, { run, reason, change: { cancel_heirs } });
  return true;
}

function requestStop(step: Step, row: JobRow): void {
  const [sessionId] = step.sql.tuple<[SessionId]>(selectSessionId, row.session) ?? [];
  const reason = reasonOf(row.cancel);
  if (sessionId === undefined || row.lease === null || reason === undefined) return;
  // A lease in a row was made by leaseIdOf.
  step.cancels.push({ sessionId, leaseId: row.lease as LeaseId, reason });
}
