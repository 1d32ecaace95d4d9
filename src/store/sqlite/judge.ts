import { CascadeKind, Hold, isTerminalCode, Reason, Role, RunCode, State, TriggerCode } from "../codes.ts";
import {
  type BarrierRow,
  belowMode,
  flip,
  flipsOf,
  loadBarrier,
  markCascadeDue,
  reasonBelow,
  saveBarrier,
  takeFlips,
} from "./barrier.ts";
import { cancelJob } from "./cancel-job.ts";
import { endRun, releaseNode } from "./end-run.ts";
import { type JobRow, jobColumns, loadJob, saveJob } from "./job-row.ts";
import type { Step } from "./step.ts";

const selectHeldHeirs = `
  SELECT ${jobColumns} FROM job INDEXED BY job_below
  WHERE parent = ?+0 AND role = ${Role.HEIR} AND state = ${State.HELD} AND hold = ${Hold.BARRIER}
  ORDER BY position`;

const selectResultHeir = `
  SELECT coalesce(result_of, seq) FROM job INDEXED BY job_below
  WHERE parent = ?+0 AND role = ${Role.HEIR} AND as_result = 1 AND state = ${State.COMPLETED}`;

/**
 * Counts at each direct parent, at once, all that ended below it in this transaction, and judges it: its barrier, then its
 * verdict. A parent that so turns terminal is marked: the level above is a step of its own. Nothing here climbs.
 */
export function judgeParents(step: Step): void {
  for (const seq of [...step.flips.keys()].sort((left, right) => left - right)) judgeParent(step, seq);
}

function judgeParent(step: Step, seq: number): void {
  const { failFast } = flipsOf(step, seq);
  const row = loadJob(step, seq);
  const stored = loadBarrier(step, seq);
  if (row === undefined || stored === undefined) {
    step.flips.delete(seq); // removed behind the broker's back
    return;
  }
  const barrier = takeFlips(step, stored);
  if (failFast && barrier.pending_children > 0 && row.run !== 0 && belowMode(row) === "RUN") {
    markCascadeDue(step, seq, CascadeKind.FAIL_FAST);
  }
  const up = row.parent === null ? {} : { propagate_due: 1 };
  const judged = judge(step, row, barrier, up);
  if (row.parent !== null && judged.state !== row.state && isTerminalCode(judged.state)) step.propagateDue = true;
}

/** Judges a job whose own run is over and which waits for no child; its own edge flips if that ends it. */
export function judgeOwn(step: Step, row: JobRow, barrier: BarrierRow): JobRow {
  const judged = judge(step, row, barrier, row.parent === null ? {} : { edge_flipped: 1 });
  if (isTerminalCode(judged.state)) flip(step, judged);
  return judged;
}

/** Opens the barrier of a job that waits for no child any more, and concludes it when nothing is open; `up` is written with its end. */
function judge(step: Step, row: JobRow, stored: BarrierRow, up: Partial<JobRow>): JobRow {
  const isOpen = row.run === 0 || stored.pending_children > 0 || stored.reviving !== 0;
  if (isOpen || isTerminalCode(row.state)) {
    saveBarrier(step, stored);
    return row;
  }
  if (stored.judged === 0) judgeHeirs(step, row, stored);
  const barrier = { ...takeFlips(step, stored), judged: 1 };
  saveBarrier(step, barrier);
  return barrier.pending_heirs > 0 ? row : conclude(step, row, barrier, up);
}

function judgeHeirs(step: Step, parent: JobRow, barrier: BarrierRow): void {
  const mode = belowMode(parent);
  const failed = barrier.children_not_ok > 0;
  for (const heir of step.sql.rows<JobRow>(selectHeldHeirs, parent.seq)) {
    const onSuccess = heir.trigger === TriggerCode.SUCCEEDED;
    if (mode === "NOTHING" || (mode === "SETTLED_ONLY" && onSuccess)) {
      cancelJob(step, heir, { reason: reasonBelow(parent), mode });
    } else if (heir.trigger === TriggerCode.SETTLED || onSuccess !== failed) {
      releaseNode(step, heir);
    } else {
      const reason = onSuccess ? Reason.DEPENDENCY_FAILED : Reason.TRIGGER_NOT_MET;
      endRun(step, heir, { run: RunCode.SKIPPED, reason });
    }
  }
}

/** Everything below is terminal: the job takes its verdict. */
function conclude(step: Step, row: JobRow, barrier: BarrierRow, up: Partial<JobRow>): JobRow {
  if (row.run === RunCode.DEAD) return saveJob(step, row, { ...up, state: State.DEAD });
  if (row.run !== RunCode.SUCCEEDED || row.cancel !== 0) {
    return saveJob(step, row, { ...up, state: State.CANCELLED, reason: row.reason === 0 ? row.cancel : row.reason });
  }
  if (barrier.children_not_ok + barrier.heirs_not_ok > 0) {
    return saveJob(step, row, { ...up, state: State.DEAD, reason: Reason.CHAIN_FAILED });
  }
  const [heir] = step.sql.tuple<[number]>(selectResultHeir, row.seq) ?? [];
  return saveJob(step, row, { ...up, state: State.COMPLETED, result_of: heir ?? null });
}
