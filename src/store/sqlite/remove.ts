import type { JobId } from "../../core/names.ts";
import type { RemoveAnswer } from "../change.ts";
import { isTerminalCode, stateOf } from "../codes.ts";
import { findJob } from "./find-job.ts";
import { type JobRow, loadJob } from "./job-row.ts";
import { remember } from "./remembered.ts";
import type { Step } from "./step.ts";

const selectNewest = "SELECT seq FROM job INDEXED BY job_root WHERE root = ?+0 ORDER BY seq DESC LIMIT ?+0";
const selectId = "SELECT id FROM job WHERE seq = ?";
// Counters and all rows beside it go by trigger.
const removeJob = "DELETE FROM job WHERE seq = ?";
const markPruning = "INSERT OR IGNORE INTO pruning (seq) VALUES (?)";

/** Removes chains by their roots, at most `max` jobs in all; one that is not gone then is marked for `prune`. */
export function remove(step: Step, roots: readonly JobId[], max: number): readonly RemoveAnswer[] {
  let left = max;
  return roots.map((id) => {
    const answer = removeRoot(step, id, left);
    if (answer.kind === "removed") left -= answer.count;
    return answer;
  });
}

function removeRoot(step: Step, id: JobId, max: number): RemoveAnswer {
  const row = findJob(step, id);
  if (row === undefined) return { kind: "missing" };
  if (row.parent !== null) {
    const [rootId = id] = step.sql.tuple<[JobId]>(selectId, row.root) ?? [];
    return { kind: "below", rootId };
  }
  if (!isTerminalCode(row.state)) return { kind: "open", state: stateOf(row.state) };
  const count = removeRows(step, row, max);
  return { kind: "removed", count, more: loadJob(step, row.seq) !== undefined };
}

/** Removes at most `max` jobs of an ended chain, the newest first and the root last. Answers how many. */
export function removeRows(step: Step, root: Pick<JobRow, "seq" | "id" | "lane">, max: number): number {
  const below = step.sql.tuples<[number]>(selectNewest, root.seq, max);
  for (const [seq] of below) step.sql.run(removeJob, seq);
  if (below.length === max) {
    step.sql.run(markPruning, root.seq);
    return max;
  }
  remember(step, root);
  step.sql.run(removeJob, root.seq);
  return below.length + 1;
}
