import { recordedError } from "../../core/error-text.ts";
import type { NewNode, Outcome } from "../../core/job.ts";
import { Hold, Recorded, Role, RunCode } from "../codes.ts";
import { acceptRun } from "./accept-run.ts";
import { addToBarrier } from "./barrier.ts";
import { endLease, type LeaseEnding, type SaidBy } from "./end-lease.ts";
import { endRun } from "./end-run.ts";
import type { JobRow } from "./job-row.ts";
import { insertNode } from "./new-row.ts";
import { nextPosition, placeOf } from "./node-place.ts";
import { problemOf } from "./staged.ts";
import type { Step } from "./step.ts";

type Success = Extract<Outcome, { kind: "success" }>;
type Nodes = readonly NewNode[];

const writeResult = "UPDATE job SET result_type = ?, result = ? WHERE seq = ?";
const expandStage = "UPDATE stage SET phase = 2 WHERE job = ?+0 AND phase < 3";

/**
 * Accepts the success of a running job with all that it declares, in the general case. What cannot be stored is a failed
 * attempt instead. After a cancel nothing below the job runs: what it declares is stored, and cancelled in steps.
 */
export function succeed(step: Step, row: JobRow, success: Success, by: SaidBy): LeaseEnding {
  const { nodes, result } = success;
  const problem =
    row.staged !== (success.staged ?? 0)
      ? "STAGE_INCOMPLETE"
      : nodes.length + row.staged === 0
        ? undefined
        : problemOf(step, row, nodes);
  if (problem !== undefined) {
    const failure = { kind: "failure", error: recordedError(problem), timedOut: false } as const;
    return endLease(step, row, failure, { ...by, problem });
  }
  if (result !== undefined) step.sql.run(writeResult, step.mirror.nameOf(result.type), result.bytes, row.seq);
  const below = nodes.length + row.staged > 0 ? 1 : row.below;
  const isSkipped = row.cancel !== 0 && below === 1;
  if (nodes.length + row.staged > 0) declare(step, row, { nodes, isHeld: isSkipped });
  const change = { sent: by.sent, recorded: Recorded.SUCCEEDED, problem: by.problem ?? null, below };
  const next = isSkipped
    ? endRun(step, { ...row, below }, { run: RunCode.SKIPPED, reason: row.cancel, change })
    : acceptRun(step, row, change);
  return { recorded: "SUCCEEDED", problem: by.problem, state: next.state };
}

/**
 * Inserts what a job declares, after the nodes that it has: children may run unless they are held, heirs wait. Staged children
 * are counted, and put in by `expand`.
 */
function declare(step: Step, row: JobRow, { nodes, isHeld }: { nodes: Nodes; isHeld: boolean }): void {
  const parent = placeOf(step, row);
  const first = row.below === 0 ? 0 : nextPosition(step, row.seq);
  const root = row.root ?? row.seq;
  for (const [index, { edge, job }] of nodes.entries()) {
    const hold = edge.role === "HEIR" ? Hold.BARRIER : isHeld ? Hold.PARENT : 0;
    insertNode(step, { edge, job, parent, root, position: first + index, hold, hasBelow: false });
  }
  const heirs = nodes.filter((node) => node.edge.role === "HEIR").length;
  const isRoot = row.role === Role.ROOT;
  const known = isRoot && row.below === 0 ? 1 : 0;
  const added = nodes.length + row.staged;
  addToBarrier(step, row.seq, { children: added - heirs, heirs, chainNodes: isRoot ? added + known : 0 });
  if (!isRoot) addToBarrier(step, root, { children: 0, heirs: 0, chainNodes: added });
  if (row.staged === 0) return;
  step.sql.run(expandStage, row.seq);
  step.expandDue = true;
}
