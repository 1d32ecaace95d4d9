import type { ProgressItem } from "../stage.ts";
import { jobOfLiveLease } from "./stage.ts";
import { change, type Write } from "./write.ts";

/** Keeps the newest progress of a running job; without a live lease nothing. */
export function reportItem(write: Write, { leaseId, bytes }: ProgressItem): void {
  const row = jobOfLiveLease(write.tables, leaseId);
  if (row === undefined) return;
  change(write, row, { progress: { attempt: row.attempt, bytes: bytes.slice(), at: write.now } });
}
