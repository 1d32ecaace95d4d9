import { CascadeKind, RunCode, State } from "../codes.ts";
import { flip, markCascadeDue, openBelow } from "./barrier.ts";
import { type JobChange, type JobRow, saveJob } from "./job-row.ts";
import type { Step } from "./step.ts";

/**
 * Ends a job's own run as dead, cancelled or skipped, for a reason: it is terminal and its edge flips, unless something
 * below it is open: that is cancelled in steps, and the job is judged by the last of them.
 */
export function endRun(
  step: Step,
  row: JobRow,
  end: { readonly run: number; readonly reason: number; readonly change?: Partial<JobChange> },
): JobRow {
  const { run, reason, change = {} } = end;
  const ended = { ...change, hold: 0, run, reason };
  if (openBelow(step, row) > 0) {
    markCascadeDue(step, row.seq, CascadeKind.BELOW);
    return saveJob(step, row, { ...ended, state: State.AWAITING_CHILDREN });
  }
  const state = run === RunCode.DEAD ? State.DEAD : State.CANCELLED;
  const next = saveJob(step, row, { ...ended, state, edge_flipped: row.parent === null ? 0 : 1 });
  flip(step, next);
  return next;
}

/** Makes a held node claimable, now or at its time; a delay counts from here. */
export function releaseNode(step: Step, node: JobRow): void {
  const runAt = node.delay_ms === null ? Math.max(step.now, node.start_at ?? 0) : step.now + node.delay_ms;
  saveJob(step, node, { state: runAt <= step.now ? State.READY : State.SCHEDULED, hold: 0, run_at: runAt });
}
