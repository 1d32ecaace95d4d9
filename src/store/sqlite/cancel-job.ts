import type { LeaseId, SessionId } from "../../core/names.ts";
import { CascadeKind, isTerminalCode, RunCode, reasonOf, State } from "../codes.ts";
import { type BelowMode, markCascadeDue } from "./barrier.ts";
import { endRun } from "./end-run.ts";
import { type JobRow, saveJob } from "./job-row.ts";
import type { Step } from "./step.ts";

const selectSessionId = "SELECT id FROM session WHERE seq = ?";

/**
 * Cancels one job as its parent's mode asks: a waiting one's run is over, a running one is asked to stop, one that waits
 * for what is below it has that cancelled. The first reason stays; repeating it changes nothing.
 */
export function cancelJob(step: Step, row: JobRow, by: { readonly reason: number; readonly mode: BelowMode }): void {
  if (isTerminalCode(row.state)) return;
  if (row.state === State.RUNNING) {
    if (row.cancel === 0) requestStop(step, saveJob(step, row, { cancel: by.reason }));
  } else if (row.state === State.AWAITING_CHILDREN) {
    if (row.run !== RunCode.SUCCEEDED || row.cancel !== 0) return;
    saveJob(step, row, { cancel: by.reason });
    markCascadeDue(step, row.seq, CascadeKind.BELOW);
  } else {
    const run = by.mode === "NOTHING" ? RunCode.SKIPPED : RunCode.CANCELLED;
    endRun(step, row, { run, reason: by.reason });
  }
}

function requestStop(step: Step, row: JobRow): void {
  const [sessionId] = step.sql.tuple<[SessionId]>(selectSessionId, row.session) ?? [];
  const reason = reasonOf(row.cancel);
  if (sessionId === undefined || row.lease === null || reason === undefined) return;
  // A lease in a row was made by leaseIdOf.
  step.cancels.push({ sessionId, leaseId: row.lease as LeaseId, reason });
}
