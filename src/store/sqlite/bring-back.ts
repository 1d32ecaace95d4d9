import { Hold, Recorded, ReviveCode, Role, RunCode, State } from "../codes.ts";
import { type BarrierRow, flipsOf, saveBarrier } from "./barrier.ts";
import { type JobRow, saveJob } from "./job-row.ts";
import { judgeOwn } from "./judge.ts";
import { backFromEnd, fullBudgets } from "./reopen.ts";
import { recount, targetsBelow } from "./revival.ts";
import type { Step } from "./step.ts";

/** Brings back at most `max` of what a revival counted below a job; its mark goes with the last. Answers how many, and whether it went. */
export function bringBackBelow(
  step: Step,
  parent: JobRow,
  due: { readonly barrier: BarrierRow; readonly max: number },
): { readonly count: number; readonly isOver: boolean } {
  const { barrier, max } = due;
  const { reviving: scope, revived: after } = barrier;
  const found = targetsBelow(step, parent.seq, { scope, after, max: max + 1 });
  const targets = found.slice(0, max);
  for (const node of targets) bringBack(step, node, { parent, scope });
  const isOver = found.length <= max;
  const revived = targets.at(-1)?.position ?? after;
  saveBarrier(step, { ...barrier, ...(isOver ? { reviving: 0, revived: -1 } : { revived }) });
  flipsOf(step, parent.seq); // judged at the end, also when nothing flipped
  return { count: targets.length, isOver };
}

/** A node that had ended runs or waits again, as far as its parent lets it; its parent has counted it already. */
function bringBack(step: Step, node: JobRow, by: { readonly parent: JobRow; readonly scope: number }): void {
  const change = { ...backFromEnd(step, node), ...fullBudgets, cancel_heirs: 0 };
  const scope = by.scope === ReviveCode.DEAD ? ReviveCode.DEAD : ReviveCode.CANCELLED;
  const wasAccepted =
    node.run === RunCode.SUCCEEDED || (node.run === RunCode.SKIPPED && node.recorded === Recorded.SUCCEEDED);
  if (!wasAccepted) {
    const back = saveJob(step, node, { ...change, ...placeBelow(step, node, by.parent), run: 0 });
    recount(step, back, scope);
    return;
  }
  const back = saveJob(step, node, { ...change, state: State.AWAITING_CHILDREN, run: RunCode.SUCCEEDED });
  const barrier = recount(step, back, scope);
  if (barrier !== undefined && barrier.pending_children + barrier.pending_heirs === 0) judgeOwn(step, back, barrier);
}

function placeBelow(step: Step, node: JobRow, parent: JobRow): Pick<JobRow, "state" | "hold" | "run_at"> {
  const { run_at } = node;
  if (node.role === Role.HEIR) return { state: State.HELD, hold: Hold.BARRIER, run_at };
  if (parent.run !== RunCode.SUCCEEDED) return { state: State.HELD, hold: Hold.PARENT, run_at };
  const runAt = Math.max(step.now, run_at);
  return { state: runAt > step.now ? State.SCHEDULED : State.READY, hold: 0, run_at: runAt };
}
