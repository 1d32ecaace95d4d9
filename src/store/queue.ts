import type { BackoffPolicy, JobState } from "../core/job.ts";
import type { QueueName, TypeName } from "../core/names.ts";

/** Undefined: the server's default (maxConcurrency: no limit). */
export interface QueueSettings {
  readonly paused: boolean;
  readonly maxConcurrency: number | undefined;
  readonly maxAttempts: number | undefined;
  readonly backoff: BackoffPolicy | undefined;
  readonly timeoutMs: number | undefined;
  readonly crashLimit: number | undefined;
  /** How long chains whose root is in this queue are kept after their end, by its state. */
  readonly completedRetentionMs: number | undefined;
  readonly cancelledRetentionMs: number | undefined;
  readonly deadRetentionMs: number | undefined;
}

/** Only the named keys are set. */
export type QueueChange = { readonly [Key in keyof QueueSettings]?: QueueSettings[Key] };

export interface QueueRecord {
  readonly name: QueueName;
  readonly settings: QueueSettings;
  /** Kept counters, per type; states without jobs may be left out. */
  readonly lanes: readonly { readonly type: TypeName; readonly counts: Readonly<Partial<Record<JobState, number>>> }[];
  /** How long the longest-ready job has been claimable, in ms. */
  readonly oldestWaitMs: number | undefined;
}
