import { Hold, Role, RunCode, State } from "../codes.ts";
import { type BarrierRow, flip, loadBarrier } from "./barrier.ts";
import { releaseNode } from "./end-run.ts";
import { type JobChange, type JobRow, jobColumns, saveJob } from "./job-row.ts";
import { judgeOwn } from "./judge.ts";
import type { Step } from "./step.ts";

const selectHeldChildren = `
  SELECT ${jobColumns} FROM job INDEXED BY job_below
  WHERE parent = ?+0 AND role = ${Role.CHILD} AND state = ${State.HELD} AND hold = ${Hold.PARENT}
  ORDER BY position`;

/**
 * A job's own run was accepted: frees the children that waited for it, has its heirs judged when there are no children,
 * and completes it when nothing is below it. `change` is written with it.
 */
export function acceptRun(step: Step, row: JobRow, change: Partial<JobChange> = {}): JobRow {
  const below = change.below ?? row.below;
  const barrier = below === 0 ? undefined : loadBarrier(step, row.seq);
  if (barrier === undefined || isAllWell(barrier)) {
    const flipped = { edge_flipped: row.parent === null ? 0 : 1 };
    const done = saveJob(step, row, { ...change, ...flipped, state: State.COMPLETED, run: RunCode.SUCCEEDED });
    flip(step, done);
    return done;
  }
  const waiting = saveJob(step, row, { ...change, state: State.AWAITING_CHILDREN, run: RunCode.SUCCEEDED });
  for (const child of step.sql.rows<JobRow>(selectHeldChildren, row.seq)) releaseNode(step, child);
  return barrier.pending_children === 0 ? judgeOwn(step, waiting, barrier) : waiting;
}

/** Nothing below is open, and nothing failed: a job that was revived may have nodes that did. */
function isAllWell(barrier: BarrierRow): boolean {
  const { pending_children, pending_heirs, children_not_ok, heirs_not_ok } = barrier;
  return pending_children + pending_heirs + children_not_ok + heirs_not_ok === 0;
}
