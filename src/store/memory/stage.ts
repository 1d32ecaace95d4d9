import { declarationProblem } from "../../core/declarations.ts";
import type { NewNode } from "../../core/job.ts";
import type { LeaseId } from "../../core/names.ts";
import type { UpkeepAnswer } from "../effects.ts";
import type { StageAnswer, StageItem } from "../stage.ts";
import { insertNode } from "./insert.ts";
import type { JobRow } from "./row.ts";
import type { Tables } from "./tables.ts";
import { effectsOf, type Write } from "./write.ts";

/** The running job that this lease stands for. */
export function jobOfLiveLease(tables: Tables, leaseId: LeaseId): JobRow | undefined {
  const row = tables.jobOfLease(leaseId);
  return row?.state === "RUNNING" && row.lease?.end === undefined ? row : undefined;
}

/** Keeps one frame of children beside the lease; nothing else of the job changes. */
export function stageItem(write: Write, { leaseId, seq, nodes }: StageItem): StageAnswer {
  const row = jobOfLiveLease(write.tables, leaseId);
  if (row === undefined) return { kind: "lost" };
  const staged = row.staged ?? { seq: 0, nodes: [], due: false };
  if (seq <= staged.seq) return { kind: "staged", total: staged.nodes.length };
  if (seq > staged.seq + 1) return { kind: "gap", expected: staged.seq + 1 };
  const problem = stagingProblem(write.tables, row, nodes);
  if (problem !== undefined) return { kind: "refused", problem };
  const all = [...staged.nodes, ...nodes];
  write.tables.putJob({ ...row, staged: { seq, nodes: all, due: false } });
  return { kind: "staged", total: all.length };
}

/** Why these nodes cannot be stored below a running job, beside what is there and what was staged. */
export function stagingProblem(
  tables: Tables,
  row: JobRow,
  nodes: readonly NewNode[],
): ReturnType<typeof declarationProblem> {
  const chainNodes = tables.chainNodes(row.rootId);
  const staged = row.staged?.nodes.map((node) => node.edge);
  return declarationProblem({ depth: row.depth, chainNodes, edges: tables.below(row.id), staged }, nodes);
}

/** Puts staged children of accepted results into their chains, parent by parent. */
export function expand(write: Write, max: number): UpkeepAnswer {
  const { tables } = write;
  let count = 0;
  for (const parent of tables.expandDue.head()) {
    if (count < max) count += expandStep(write, parent, max - count);
  }
  return { count, more: tables.expandDue.size > 0, effects: effectsOf(write) };
}

function expandStep(write: Write, parent: JobRow, max: number): number {
  const { tables } = write;
  const { staged } = parent;
  if (staged === undefined) return 0;
  const nodes = staged.nodes.slice(0, max);
  for (const node of nodes) insertNode(write, { node, parent });
  tables.countStaged(parent.rootId, -nodes.length); // they count as rows now
  const left = staged.nodes.slice(nodes.length);
  tables.putJob({ ...parent, staged: left.length === 0 ? undefined : { ...staged, nodes: left } });
  if (left.length === 0 && (parent.cascade !== undefined || parent.reviving !== undefined)) write.cascadeDue = true;
  return nodes.length;
}
