import { type DeclaredEdge, type DeclaringParent, declarationProblem } from "../../core/declarations.ts";
import type { StorabilityProblem } from "../../core/error-text.ts";
import type { NewNode } from "../../core/job.ts";
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
  const chainNodes = loadBarrier(step, root)?.chain_nodes ?? 1;
  const edges = row.below === 0 ? [] : edgesBelow(step, row.seq);
  return declarationProblem({ depth: row.depth, chainNodes, edges, staged: stagedEdges(step, row, nodes) }, nodes);
}

function edgesBelow(step: Step, seq: number): DeclaredEdge[] {
  const edges = step.sql.tuples<[number, string | null, number]>(selectEdges, seq);
  return edges.map(([role, key, asResult]) => ({ role: roleOf(role), key: key ?? "", asResult: asResult === 1 }));
}

/** As many edges as were staged, of whose keys only those are named that the new nodes have, too. */
function stagedEdges(step: Step, row: JobRow, nodes: readonly NewNode[]): DeclaringParent["staged"] {
  const stage = row.staged === 0 ? undefined : loadStage(step, row.seq);
  if (stage === undefined) return undefined;
  const keys = nodes.map(({ edge }) => edge.key).filter((key) => key !== "" && isStaged(step, stage.id, key));
  const edges = new Array<DeclaredEdge>(row.staged).fill({ role: "CHILD", key: "", asResult: false });
  for (const [index, key] of keys.entries()) edges[index] = { role: "CHILD", key, asResult: false };
  return edges;
}

function isStaged(step: Step, stage: number, key: string): boolean {
  return step.sql.tuple(selectKey, stage, key) !== undefined;
}
