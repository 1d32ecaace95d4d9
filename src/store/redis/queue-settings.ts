import type { BackoffPolicy } from "../../core/job.ts";
import { BackoffKind } from "../codes.ts";
import type { QueueChange, QueueSettings } from "../queue.ts";
import { listOf, numberOf, type Packable, type Unpacked } from "./msgpack.ts";
import { readBackoff } from "./record.ts";

const unset: QueueSettings = {
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

/** Reads the settings of a queue; false: nothing was ever set. */
export function readSettings(packed: Unpacked): QueueSettings {
  if (packed === false) return unset;
  const [paused, maxConcurrency, maxAttempts, backoff, timeoutMs, crashLimit, completedMs, cancelledMs, deadMs] =
    listOf(packed);
  return {
    paused: paused === true,
    maxConcurrency: numberOrNone(maxConcurrency),
    maxAttempts: numberOrNone(maxAttempts),
    backoff: readBackoff(backoff),
    timeoutMs: numberOrNone(timeoutMs),
    crashLimit: numberOrNone(crashLimit),
    completedRetentionMs: numberOrNone(completedMs),
    cancelledRetentionMs: numberOrNone(cancelledMs),
    deadRetentionMs: numberOrNone(deadMs),
  };
}

/** A change as `lua/queue.lua` takes it: index and value of what is named, false for what is cleared. */
export function packChange(change: QueueChange): readonly Packable[] {
  const changes: Packable[] = [];
  if ("paused" in change) changes.push(1, change.paused === true);
  if ("maxConcurrency" in change) changes.push(2, change.maxConcurrency ?? false);
  if ("maxAttempts" in change) changes.push(3, change.maxAttempts ?? false);
  if ("backoff" in change) changes.push(4, change.backoff === undefined ? false : packBackoff(change.backoff));
  if ("timeoutMs" in change) changes.push(5, change.timeoutMs ?? false);
  if ("crashLimit" in change) changes.push(6, change.crashLimit ?? false);
  if ("completedRetentionMs" in change) changes.push(7, change.completedRetentionMs ?? false);
  if ("cancelledRetentionMs" in change) changes.push(8, change.cancelledRetentionMs ?? false);
  if ("deadRetentionMs" in change) changes.push(9, change.deadRetentionMs ?? false);
  return changes;
}

export function packBackoff({ kind, initialMs, maxMs, multiplier, jitter }: BackoffPolicy): Packable {
  return [BackoffKind[kind], initialMs, maxMs, multiplier, jitter];
}

function numberOrNone(value: Unpacked | undefined): number | undefined {
  return value === false || value === undefined ? undefined : numberOf(value);
}
