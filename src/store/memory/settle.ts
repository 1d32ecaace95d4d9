import { recordedError, type StorabilityProblem } from "../../core/error-text.ts";
import type { SettleAnswer, SettleItem } from "../commit.ts";
import { endLease } from "./lease-end.ts";
import type { JobRow } from "./row.ts";
import { stagingProblem } from "./stage.ts";
import type { Write } from "./write.ts";

/** Records one outcome when its lease is live; else says what stands. */
export function settleItem(write: Write, item: SettleItem): SettleAnswer {
  const row = write.tables.jobOfLease(item.leaseId);
  if (row?.lease === undefined) return { kind: "lost" };
  if (row.lease.end !== undefined) return answerEnded(row, item);
  const found = problemOf(write, row, item);
  const end = found === undefined ? item.outcome : failureFor(found);
  const problem = found ?? item.problem;
  const ended = endLease(write, row, { end, sent: item.sent, problem, jitter: item.jitter });
  const recorded = ended.lease?.end?.recorded;
  if (recorded === undefined) throw new Error(`the lease of job ${row.id} did not end`);
  return { kind: "accepted", jobId: row.id, recorded, state: ended.state, problem };
}

function answerEnded(row: JobRow, item: SettleItem): SettleAnswer {
  const end = row.lease?.end;
  if (end?.sent === undefined) return { kind: "lost" };
  const { recorded, problem } = end;
  if (end.sent !== item.sent) return { kind: "conflict", jobId: row.id, recorded };
  return { kind: "repeated", jobId: row.id, recorded, state: row.state, problem };
}

/** Why the nodes of a success cannot be stored. */
function problemOf(write: Write, row: JobRow, item: SettleItem): StorabilityProblem | undefined {
  if (item.outcome.kind !== "success") return undefined;
  const { nodes, staged = 0 } = item.outcome;
  if (staged !== (row.staged?.nodes.length ?? 0)) return "STAGE_INCOMPLETE";
  return stagingProblem(write.tables, row, nodes);
}

function failureFor(problem: StorabilityProblem): SettleItem["outcome"] {
  return { kind: "failure", error: recordedError(problem), timedOut: false };
}
