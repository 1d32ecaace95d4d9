import { type DeclaredEdge, declarationProblem } from "../../core/declarations.ts";
import type { StorabilityProblem } from "../../core/error-text.ts";
import type { NewNode } from "../../core/job.ts";
import { limits } from "../../core/limits.ts";
import { roleOf } from "../codes.ts";
import { loadBarrier } from "./barrier.ts";
import type { JobRow } from "./job-row.ts";
import type { Step } from "./step.ts";

export interface StageRow {
  readonly id: number;
  readonly attempt: number;
  readonly seq: number;
}

const selectStage = "SELECT id, attempt, seq FROM stage INDEXED BY stage_job WHERE job = ?+0 AND phase < 3";
const selectKey = "SELECT 1 FROM stage_key WHERE stage = ? AND key = ?";
const selectEdges = "SELECT role, key, as_result FROM job INDEXED BY job_below WHERE parent = ?+0";

/** What is kept beside the chain for this job. */
export function loadStage(step: Step, job: number): StageRow | undefined {
  return step.sql.row<StageRow>(selectStage, job);
}

/** Why nodes cannot be put below a running job, beside what is there and what was staged. */
export function problemOf(step: Step, row: JobRow, nodes: readonly NewNode[]): StorabilityProblem | undefined {
  const root = row.root ?? row.seq;
  const edges = row.below === 0 ? [] : edgesBelow(step, row.seq);
  // What was staged is counted, and looked at only where a key is named twice: it may be 100,000 nodes.
  const staged = sameKeys(step, row, nodes);
  const chainNodes = (loadBarrier(step, root)?.chain_nodes ?? 1) + row.staged - staged.length;
  const problem = declarationProblem({ depth: row.depth, chainNodes, edges, staged }, nodes);
  if (problem === "CHAIN_TOO_DEEP" || problem === "CHAIN_TOO_LARGE") return problem;
  const declared = [...edges, ...nodes.map(({ edge }) => edge)];
  const children = row.staged + declared.filter(({ role }) => role === "CHILD").length;
  return children > limits.childrenMax ? "TOO_MANY_CHILDREN" : problem;
}

function edgesBelow(step: Step, seq: number): DeclaredEdge[] {
  const edges = step.sql.tuples<[number, string | null, number]>(selectEdges, seq);
  return edges.map(([role, key, asResult]) => ({ role: roleOf(role), key: key ?? "", asResult: asResult === 1 }));
}

/** The staged edges whose keys the new nodes have, too. */
function sameKeys(step: Step, row: JobRow, nodes: readonly NewNode[]): readonly DeclaredEdge[] {
  const stage = row.staged === 0 ? undefined : loadStage(step, row.seq);
  if (stage === undefined) return [];
  const keys = nodes.map(({ edge }) => edge.key).filter((key) => key !== "" && isStaged(step, stage.id, key));
  return keys.map((key) => ({ role: "CHILD", key, asResult: false }));
}

function isStaged(step: Step, stage: number, key: string): boolean {
  return step.sql.tuple(selectKey, stage, key) !== undefined;
}
