import { Hold, ReviveCode, Role, RunCode, State } from "../codes.ts";
import { keepSuccess } from "./attempts.ts";
import { type BarrierRow, flipsOf, isNotOk, loadBarrier, saveBarrier } from "./barrier.ts";
import { type JobChange, type JobRow, loadJob, saveJob } from "./job-row.ts";
import { judgeParents } from "./judge.ts";
import { countTargets, recount } from "./revival.ts";
import type { Step } from "./step.ts";

/** What a job leaves behind when it comes back from its end; its history stays. */
export function backFromEnd(step: Step, row: JobRow): Partial<JobChange> {
  keepSuccess(step, row);
  return {
    epoch: row.epoch + 1,
    reason: 0,
    cancel: 0,
    fingerprint: null,
    result_of: null,
    edge_flipped: 0,
    propagate_due: 0,
  };
}

/** Budgets of a job that comes back to run afresh. */
export const fullBudgets = { failure_count: 0, crash_count: 0, snooze_count: 0 } as const;

/** Reopens the path above a dead job, the top first (`above` may be empty), then lets the job itself come back. */
export function reopen(step: Step, row: JobRow, above: readonly JobRow[]): JobRow {
  for (const [index, parent] of above.entries()) reopenParent(step, parent, above[index + 1] ?? row);
  const back = comeBack(step, row);
  for (const { seq } of [...above, back]) flipsOf(step, seq); // an open barrier releases a retried heir at once
  judgeParents(step);
  return loadJob(step, row.seq) ?? back;
}

/** The job waits again for the node below it on the path, and for what comes back beside that. */
function reopenParent(step: Step, parent: JobRow, node: JobRow): void {
  const stored = loadBarrier(step, parent.seq);
  if (stored === undefined) throw new Error(`job ${parent.id} knows nothing of what is below it`);
  const scope = node.role === Role.HEIR ? ReviveCode.HEIRS : ReviveCode.CANCELLED;
  const barrier = countTargets(step, unflip(stored, node), { scope, path: node.seq });
  if (barrier.reviving !== 0) step.cascadeDue = true;
  if (parent.state === State.DEAD) {
    saveJob(step, parent, { ...backFromEnd(step, parent), state: State.AWAITING_CHILDREN });
  }
  saveBarrier(step, barrier);
}

function unflip(barrier: BarrierRow, node: JobRow): BarrierRow {
  if (node.edge_flipped === 0) return barrier;
  const notOk = isNotOk(node) ? 1 : 0;
  return node.role === Role.CHILD
    ? {
        ...barrier,
        pending_children: barrier.pending_children + 1,
        children_not_ok: barrier.children_not_ok - notOk,
      }
    : { ...barrier, pending_heirs: barrier.pending_heirs + 1, heirs_not_ok: barrier.heirs_not_ok - notOk };
}

/** A dead run runs again; a chain that failed has its dead runs brought back. */
function comeBack(step: Step, row: JobRow): JobRow {
  const change = { ...backFromEnd(step, row), ...fullBudgets };
  if (row.run === RunCode.SUCCEEDED) {
    const back = saveJob(step, row, { ...change, state: State.AWAITING_CHILDREN });
    recount(step, back, ReviveCode.DEAD);
    return back;
  }
  const place = row.role === Role.HEIR ? { state: State.HELD, hold: Hold.BARRIER } : { state: State.READY };
  const back = saveJob(step, row, { ...change, ...place, run: 0, run_at: step.now });
  recount(step, back, ReviveCode.CANCELLED);
  return back;
}
