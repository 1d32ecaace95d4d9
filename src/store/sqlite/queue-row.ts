import type { BackoffPolicy } from "../../core/job.ts";
import type { QueueSettings } from "../queue.ts";

export interface QueueRow {
  readonly name: string;
  readonly paused: number;
  readonly max_concurrency: number | null;
  readonly max_attempts: number | null;
  readonly backoff: string | null;
  readonly timeout_ms: number | null;
  readonly crash_limit: number | null;
  readonly completed_retention_ms: number | null;
  readonly cancelled_retention_ms: number | null;
  readonly dead_retention_ms: number | null;
}

export const selectQueues = "SELECT * FROM queue";

/** What a queue has until something is set. */
export const unsetQueue: QueueSettings = {
  paused: false,
  maxConcurrency: undefined,
  maxAttempts: undefined,
  backoff: undefined,
  timeoutMs: undefined,
  crashLimit: undefined,
  completedRetentionMs: undefined,
  cancelledRetentionMs: undefined,
  deadRetentionMs: undefined,
};

export function queueSettingsOf(row: QueueRow): QueueSettings {
  return {
    paused: row.paused === 1,
    maxConcurrency: row.max_concurrency ?? undefined,
    maxAttempts: row.max_attempts ?? undefined,
    backoff: parseBackoff(row.backoff),
    timeoutMs: row.timeout_ms ?? undefined,
    crashLimit: row.crash_limit ?? undefined,
    completedRetentionMs: row.completed_retention_ms ?? undefined,
    cancelledRetentionMs: row.cancelled_retention_ms ?? undefined,
    deadRetentionMs: row.dead_retention_ms ?? undefined,
  };
}

/** A policy as the column holds it. */
export function backoffText(policy: BackoffPolicy | undefined): string | null {
  return policy === undefined ? null : JSON.stringify(policy);
}

export function parseBackoff(text: string | null): BackoffPolicy | undefined {
  // Written by backoffText alone.
  return text === null ? undefined : (JSON.parse(text) as BackoffPolicy);
}
