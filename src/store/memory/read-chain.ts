import type { JobState } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { ChainNodeRecord, ChainPage, ChainRequest } from "../query.ts";
import { parseCursor } from "./read-jobs.ts";
import { byInsertion, type JobRow } from "./row.ts";
import type { Tables } from "./tables.ts";

/** The chain at and below a job, level by level, each level in insertion order; leaves that are alike stand as one node. */
export function getChain(tables: Tables, id: JobId, request: ChainRequest): ChainPage | undefined {
  const top = tables.job(id);
  if (top === undefined) return undefined;
  const levels = levelsOf(tables, top);
  const nodes = levels
    .slice(0, request.depthMax + 1)
    .flatMap((rows, depth) => collapse(tables, rows).map((group) => nodeOf(group, depth)));
  const first = request.cursor === undefined ? 0 : parseCursor(request.cursor);
  const next = first + request.size;
  return {
    rootId: top.rootId,
    items: nodes.slice(first, next),
    cursor: next < nodes.length ? String(next) : undefined,
    totals: first === 0 ? totalsOf(levels.flat()) : undefined,
  };
}

function levelsOf(tables: Tables, top: JobRow): JobRow[][] {
  const levels: JobRow[][] = [];
  for (let level = [top]; level.length > 0; level = level.flatMap((row) => tables.below(row.id)).sort(byInsertion)) {
    levels.push(level);
  }
  return levels;
}

/** Groups of one job that has something below it, or of leaves that are alike, in the order of their first member. */
function collapse(tables: Tables, rows: readonly JobRow[]): JobRow[][] {
  const groups = new Map<string, JobRow[]>();
  for (const row of rows) {
    const leaf = tables.countBelow(row.id) === 0;
    const key = leaf ? JSON.stringify([row.parentId, row.role, row.type, row.state]) : row.id;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  return [...groups.values()];
}

function nodeOf(group: readonly JobRow[], depth: number): ChainNodeRecord {
  const [first] = group;
  if (first === undefined) throw new Error("a group has a member");
  return {
    id: first.id,
    parentId: first.parentId,
    count: group.length,
    type: first.type,
    state: first.state,
    role: first.role,
    trigger: first.trigger,
    reason: first.reason,
    key: group.length === 1 ? first.key : "",
    depth,
    pendingChildren: first.pendingChildren,
    pendingHeirs: first.pendingHeirs,
  };
}

function totalsOf(rows: readonly JobRow[]): { state: JobState; count: number }[] {
  const totals = new Map<JobState, number>();
  for (const row of rows) totals.set(row.state, (totals.get(row.state) ?? 0) + 1);
  return [...totals].map(([state, count]) => ({ state, count }));
}
