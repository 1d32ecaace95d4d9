import { Role } from "../codes.ts";
import type { JobRow } from "./job-row.ts";
import type { NodePlace } from "./new-row.ts";
import type { Step } from "./step.ts";

const selectMetadata = "SELECT metadata FROM payload WHERE seq = ?";
const selectLast = (role: number): string =>
  `SELECT max(position) FROM job INDEXED BY job_below WHERE parent = ?+0 AND role = ${role}`;
const selectLastChild = selectLast(Role.CHILD);
const selectLastHeir = selectLast(Role.HEIR);

/** What nodes take from a job that is there already. */
export function placeOf(step: Step, row: JobRow): NodePlace {
  const [metadata = null] = step.sql.tuple<[string | null]>(selectMetadata, row.seq) ?? [];
  return { seq: row.seq, depth: row.depth, priority: 0 - row.neg_priority, metadata };
}

/** The position after the last node below a job. */
export function nextPosition(step: Step, parent: number): number {
  const last = (text: string): number => step.sql.tuple<[number | null]>(text, parent)?.[0] ?? -1;
  return Math.max(last(selectLastChild), last(selectLastHeir)) + 1;
}
