import { State } from "../codes.ts";
import type { ProgressItem } from "../stage.ts";
import { seqOfLease } from "./lease-id.ts";
import type { Step } from "./step.ts";

const selectAttempt = `SELECT attempt FROM job WHERE seq = ? AND lease = ? AND state = ${State.RUNNING}`;
const putProgress = "INSERT OR REPLACE INTO progress (seq, attempt, bytes, at) VALUES (?, ?, ?, ?)";
const raiseVersion = "UPDATE job SET version = version + 1, updated_at = ? WHERE seq = ?";

/** Keeps the newest progress of a running job. */
export function report(step: Step, item: ProgressItem): void {
  const seq = seqOfLease(item.leaseId);
  const [attempt] = step.sql.tuple<[number]>(selectAttempt, seq, item.leaseId) ?? [];
  if (attempt === undefined) return;
  step.sql.run(putProgress, seq, attempt, item.bytes, step.now);
  step.sql.run(raiseVersion, step.now, seq);
}
