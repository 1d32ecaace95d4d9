import type { CancelAnswer, CancelItem } from "../change.ts";
import { Reason, stateOf } from "../codes.ts";
import { cancelJob } from "./cancel-job.ts";
import { findJob } from "./find-job.ts";
import { loadJob } from "./job-row.ts";
import { judgeParents } from "./judge.ts";
import type { Step } from "./step.ts";

/** Cancels one job as a user asks for it. */
export function cancel(step: Step, item: CancelItem): CancelAnswer {
  const row = findJob(step, item.id);
  if (row === undefined) return { kind: "missing" };
  const changed = cancelJob(step, row, { reason: Reason.REQUESTED, mode: "RUN", heirs: item.includeHeirs });
  judgeParents(step);
  const { state } = loadJob(step, row.seq) ?? row;
  return { kind: "cancelled", state: stateOf(state), changed };
}
