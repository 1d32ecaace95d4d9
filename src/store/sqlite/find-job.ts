import type { JobId } from "../../core/names.ts";
import { type JobRow, loadJob } from "./job-row.ts";
import type { Step } from "./step.ts";

const selectSeq = "SELECT seq FROM job WHERE id = ?";
const selectPruning = "SELECT 1 FROM pruning WHERE seq = ?";

/** A job that a user names; undefined also when its chain is being removed. */
export function findJob(step: Step, id: JobId): JobRow | undefined {
  const [seq] = step.sql.tuple<[number]>(selectSeq, id) ?? [];
  const row = seq === undefined ? undefined : loadJob(step, seq);
  if (row === undefined || isPruning(step, row.root ?? row.seq)) return undefined;
  return row;
}

/** The chain of this root is being removed. */
function isPruning(step: Step, root: number): boolean {
  return step.sql.tuple(selectPruning, root) !== undefined;
}
