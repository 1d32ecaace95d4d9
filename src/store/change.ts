import type { JobState, RetryRefusal } from "../core/job.ts";
import type { JobId } from "../core/names.ts";
import type { Effects } from "./effects.ts";

export interface CancelItem {
  readonly id: JobId;
  /** No heir below runs, whatever its trigger. */
  readonly includeHeirs: boolean;
}

export interface CancelAnswers {
  readonly answers: readonly CancelAnswer[];
  readonly effects: Effects;
}

/** `changed` is false for a job that is terminal, or that was asked to stop before. */
export type CancelAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "cancelled"; readonly state: JobState; readonly changed: boolean };

export interface RetryItem {
  readonly id: JobId;
  /** The epoch that the caller saw: of a job that has moved on to a newer one nothing changes. */
  readonly expectedEpoch?: number | undefined;
}

export interface RetryAnswers {
  readonly answers: readonly RetryAnswer[];
  readonly effects: Effects;
}

/**
 * `unchanged`: it is READY already, or its epoch is newer than expected. `refused`: see RetryRefusal; `blocker` is the job that
 * stands in the way, where it is another.
 */
export type RetryAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "retried" | "unchanged"; readonly state: JobState; readonly epoch: number }
  | {
      readonly kind: "refused";
      readonly why: RetryRefusal;
      readonly state: JobState;
      readonly blocker: JobId | undefined;
    };

/** `missing` also when its chain is being removed already. `below`: it is not a root. `more`: the rest goes with `prune`. */
export type RemoveAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "open"; readonly state: JobState }
  | { readonly kind: "below"; readonly rootId: JobId }
  | { readonly kind: "removed"; readonly count: number; readonly more: boolean };
