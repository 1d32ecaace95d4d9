import type { Duration } from "@bufbuild/protobuf/wkt";
import type { StateCount } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { Queue, QueueSettings as WireSettings } from "../../gen/conveyor/v1/queue_service_pb.ts";
import type { BackoffPolicy, JobState } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import { parseSpan, type Span } from "../core/span.ts";
import { backoffFromWire } from "../wire/backoff.ts";
import { stateFromWire } from "../wire/enums.ts";
import { invalidField } from "../wire/invalid-field.ts";
import { type BackoffSettings, backoffOf, optionalInteger } from "../wire/job-spec.ts";
import { durationToMs, msToDuration } from "../wire/time.ts";

/** How many jobs are in each state; states without jobs are left out. */
export type StateCounts = Readonly<Partial<Record<JobState, number>>>;

/** A queue as it was when the broker answered. Settings that are undefined are the server's. */
export interface QueueInfo {
  readonly name: string;
  readonly paused: boolean;
  /** Running jobs over all workers; undefined: no limit. */
  readonly maxConcurrency: number | undefined;
  readonly maxAttempts: number | undefined;
  readonly backoff: BackoffPolicy | undefined;
  readonly timeoutMs: number | undefined;
  readonly crashLimit: number | undefined;
  /** How long chains whose root is in the queue are kept after their end. */
  readonly completedRetentionMs: number | undefined;
  readonly cancelledRetentionMs: number | undefined;
  readonly deadRetentionMs: number | undefined;
  readonly counts: StateCounts;
  /** How long the first job that could run now has been able to; undefined: there is none. */
  readonly oldestWaitMs: number | undefined;
  /** The same by job type, with the workers of this broker that handle it. */
  readonly types: readonly { readonly type: string; readonly counts: StateCounts; readonly workerCount: number }[];
}

/** What to change of a queue; what is left out stays, null gives the choice back to the server. */
export interface QueueUpdate {
  readonly paused?: boolean | undefined;
  readonly maxConcurrency?: number | null | undefined;
  readonly maxAttempts?: number | null | undefined;
  readonly backoff?: BackoffSettings | null | undefined;
  readonly timeout?: Span | null | undefined;
  /** The crash with this number makes a job dead. */
  readonly crashLimit?: number | null | undefined;
  /** How long chains whose root is in the queue are kept after they completed, were cancelled or died. */
  readonly completedRetention?: Span | null | undefined;
  readonly cancelledRetention?: Span | null | undefined;
  readonly deadRetention?: Span | null | undefined;
}

const maskNames: Readonly<Record<keyof QueueUpdate, string>> = {
  paused: "paused",
  maxConcurrency: "max_concurrency",
  maxAttempts: "max_attempts",
  backoff: "backoff",
  timeout: "timeout",
  crashLimit: "crash_limit",
  completedRetention: "completed_retention",
  cancelledRetention: "cancelled_retention",
  deadRetention: "dead_retention",
};

/** A queue out of an answer. */
export function queueInfoOf(queue: Queue): QueueInfo {
  const { settings } = queue;
  return {
    name: queue.name,
    paused: settings?.paused ?? false,
    maxConcurrency: settings?.maxConcurrency,
    maxAttempts: settings?.maxAttempts,
    backoff: backoffFromWire(settings?.backoff, "settings.backoff"),
    timeoutMs: settings?.timeout && durationToMs(settings.timeout),
    crashLimit: settings?.crashLimit,
    completedRetentionMs: settings?.completedRetention && durationToMs(settings.completedRetention),
    cancelledRetentionMs: settings?.cancelledRetention && durationToMs(settings.cancelledRetention),
    deadRetentionMs: settings?.deadRetention && durationToMs(settings.deadRetention),
    counts: countsOf(queue.counts),
    oldestWaitMs: queue.oldestWait && durationToMs(queue.oldestWait),
    types: queue.lanes.map(({ type, counts, workerCount }) => ({ type, counts: countsOf(counts), workerCount })),
  };
}

/** An update as settings and the names of those that it changes; INVALID_OPTION for a setting that there is not or that is out of range. */
export function queueUpdateOf(update: QueueUpdate): { readonly settings: WireSettings; readonly paths: string[] } {
  const paths: string[] = [];
  for (const [key, value] of Object.entries(update)) {
    const name = Object.hasOwn(maskNames, key) ? maskNames[key as keyof QueueUpdate] : undefined;
    if (name === undefined) {
      throw invalidField(
        "INVALID_OPTION",
        key,
        `a queue has no such setting; known are ${Object.keys(maskNames).join(", ")}`,
      );
    }
    if (value !== undefined) paths.push(name);
  }
  const { paused, maxConcurrency, maxAttempts, backoff, timeout, crashLimit } = update;
  const settings: WireSettings = {
    $typeName: "conveyor.v1.QueueSettings",
    paused: paused ?? false,
    maxConcurrency: countOf(maxConcurrency, "maxConcurrency", limits.concurrencyMax),
    maxAttempts: countOf(maxAttempts, "maxAttempts", limits.attemptsMax),
    crashLimit: countOf(crashLimit, "crashLimit", limits.attemptsMax),
    backoff: backoff ? backoffOf(backoff) : undefined,
    timeout: durationOf(timeout, "timeout", limits.timeoutMsMax),
    completedRetention: durationOf(update.completedRetention, "completedRetention"),
    cancelledRetention: durationOf(update.cancelledRetention, "cancelledRetention"),
    deadRetention: durationOf(update.deadRetention, "deadRetention"),
  };
  return { settings, paths };
}

/** Counts by state, as numbers. */
export function countsOf(counts: readonly StateCount[]): StateCounts {
  const byState: Partial<Record<JobState, number>> = {};
  for (const { state, count } of counts) {
    const word = stateFromWire(state, "state");
    if (word !== undefined) byState[word] = Number(count);
  }
  return byState;
}

function countOf(value: number | null | undefined, path: string, max: number): number | undefined {
  return optionalInteger(value ?? undefined, path, { min: 1, max });
}

function durationOf(span: Span | null | undefined, name: string, msMax?: number): Duration | undefined {
  return span === undefined || span === null ? undefined : msToDuration(parseSpan(span, name, msMax));
}
