import { type DeclaredEdge, declarationProblem } from "../../core/declarations.ts";
import { recordedError } from "../../core/error-text.ts";
import type { NewNode, Outcome } from "../../core/job.ts";
import { Hold, Recorded, Role, RunCode, roleOf } from "../codes.ts";
import { acceptRun } from "./accept-run.ts";
import { addToBarrier, loadBarrier } from "./barrier.ts";
import { endLease, type LeaseEnding, type SaidBy } from "./end-lease.ts";
import { endRun } from "./end-run.ts";
import type { JobRow } from "./job-row.ts";
import { insertNode } from "./new-row.ts";
import type { Step } from "./step.ts";

type Success = Extract<Outcome, { kind: "success" }>;
type Nodes = readonly NewNode[];

const writeResult = "UPDATE job SET result_type = ?, result = ? WHERE seq = ?";
const selectMetadata = "SELECT metadata FROM payload WHERE seq = ?";
const countBelow = "SELECT coalesce(max(position) + 1, 0) FROM job INDEXED BY job_below WHERE parent = ?+0";
const selectEdges = "SELECT role, key, as_result FROM job INDEXED BY job_below WHERE parent = ?+0";

/**
 * Accepts the success of a running job with all that it declares, in the general case. What cannot be stored is a failed
 * attempt instead. After a cancel nothing below the job runs: what it declares is stored, and cancelled in steps.
 */
export function succeed(step: Step, row: JobRow, success: Success, by: SaidBy): LeaseEnding {
  const { nodes, result } = success;
  const problem = nodes.length === 0 ? undefined : declarationProblem(declaringParent(step, row), nodes);
  if (problem !== undefined) {
    const failure = { kind: "failure", error: recordedError(problem), timedOut: false } as const;
    return endLease(step, row, failure, { ...by, problem });
  }
  if (result !== undefined) step.sql.run(writeResult, step.mirror.nameOf(result.type), result.bytes, row.seq);
  const below = nodes.length > 0 ? 1 : row.below;
  const isSkipped = row.cancel !== 0 && below === 1;
  if (nodes.length > 0) declare(step, row, { nodes, isHeld: isSkipped });
  const change = { sent: by.sent, recorded: Recorded.SUCCEEDED, problem: by.problem ?? null, below };
  const next = isSkipped
    ? endRun(step, { ...row, below }, { run: RunCode.SKIPPED, reason: row.cancel, change })
    : acceptRun(step, row, change);
  return { recorded: "SUCCEEDED", problem: by.problem, state: next.state };
}

function declaringParent(step: Step, row: JobRow): Parameters<typeof declarationProblem>[0] {
  const root = row.root === null ? row : { seq: row.root };
  const chainNodes = loadBarrier(step, root.seq)?.chain_nodes ?? 1;
  return { depth: row.depth, chainNodes, edges: row.below === 0 ? [] : edgesBelow(step, row.seq) };
}

function edgesBelow(step: Step, seq: number): DeclaredEdge[] {
  const edges = step.sql.tuples<[number, string | null, number]>(selectEdges, seq);
  return edges.map(([role, key, asResult]) => ({ role: roleOf(role), key: key ?? "", asResult: asResult === 1 }));
}

/** Inserts what a job declares, after the nodes that it has: children may run unless they are held, heirs wait. */
function declare(step: Step, row: JobRow, { nodes, isHeld }: { nodes: Nodes; isHeld: boolean }): void {
  const [metadata = null] = step.sql.tuple<[string | null]>(selectMetadata, row.seq) ?? [];
  const parent = { seq: row.seq, depth: row.depth, priority: 0 - row.neg_priority, metadata };
  const [first = 0] = row.below === 0 ? [] : (step.sql.tuple<[number]>(countBelow, row.seq) ?? []);
  const root = row.root ?? row.seq;
  for (const [index, { edge, job }] of nodes.entries()) {
    const hold = edge.role === "HEIR" ? Hold.BARRIER : isHeld ? Hold.PARENT : 0;
    insertNode(step, { edge, job, parent, root, position: first + index, hold, hasBelow: false });
  }
  const heirs = nodes.filter((node) => node.edge.role === "HEIR").length;
  const isRoot = row.role === Role.ROOT;
  const known = isRoot && row.below === 0 ? 1 : 0;
  const chainNodes = isRoot ? nodes.length + known : 0;
  addToBarrier(step, row.seq, { children: nodes.length - heirs, heirs, chainNodes });
  if (!isRoot) addToBarrier(step, root, { children: 0, heirs: 0, chainNodes: nodes.length });
}
