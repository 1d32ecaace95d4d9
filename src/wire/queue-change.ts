import type { FieldMask } from "@bufbuild/protobuf/wkt";
import type { QueueSettings as WireQueueSettings } from "../../gen/conveyor/v1/queue_service_pb.ts";
import type { BackoffPolicy } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import { backoffFromWire } from "./backoff.ts";
import { invalidField } from "./invalid-field.ts";
import { attemptsFromWire, retentionFromWire, timeoutFromWire } from "./option-ranges.ts";

/** Only the keys that are there are set; undefined clears. */
export interface QueueChange {
  readonly paused?: boolean;
  readonly maxConcurrency?: number | undefined;
  readonly maxAttempts?: number | undefined;
  readonly backoff?: BackoffPolicy | undefined;
  readonly timeoutMs?: number | undefined;
  readonly crashLimit?: number | undefined;
  readonly completedRetentionMs?: number | undefined;
  readonly cancelledRetentionMs?: number | undefined;
  readonly deadRetentionMs?: number | undefined;
}

/** Reads a setting by its name in a field mask. */
const settings: Readonly<Record<string, (settings: WireQueueSettings, path: string) => QueueChange>> = {
  paused: ({ paused }) => ({ paused }),
  max_concurrency: (from, path) => ({
    maxConcurrency: attemptsFromWire(from.maxConcurrency, path, limits.concurrencyMax),
  }),
  max_attempts: (from, path) => ({ maxAttempts: attemptsFromWire(from.maxAttempts, path, limits.attemptsMax) }),
  backoff: (from, path) => ({ backoff: backoffFromWire(from.backoff, path) }),
  timeout: (from, path) => ({ timeoutMs: timeoutFromWire(from.timeout, path) }),
  crash_limit: (from, path) => ({ crashLimit: attemptsFromWire(from.crashLimit, path, limits.attemptsMax) }),
  completed_retention: (from, path) => ({ completedRetentionMs: retentionFromWire(from.completedRetention, path) }),
  cancelled_retention: (from, path) => ({ cancelledRetentionMs: retentionFromWire(from.cancelledRetention, path) }),
  dead_retention: (from, path) => ({ deadRetentionMs: retentionFromWire(from.deadRetention, path) }),
};

/**
 * What to set: the fields that the mask names (unset here: cleared), or all that are set when it names none. INVALID_OPTION for a
 * name that is none of QueueSettings, a value out of range, and a request that changes nothing.
 */
export function queueChangeFromWire(
  from: WireQueueSettings | undefined,
  mask: FieldMask | undefined,
  path = "settings",
): QueueChange {
  const names = mask && mask.paths.length > 0 ? mask.paths : setFields(from);
  if (names.length === 0) throw invalidField("INVALID_OPTION", path, "it names nothing to change");
  let change: QueueChange = {};
  for (const name of names) {
    const read = Object.hasOwn(settings, name) ? settings[name] : undefined;
    if (read === undefined) {
      const known = Object.keys(settings).join(", ");
      throw invalidField(
        "INVALID_OPTION",
        "update_mask",
        `${JSON.stringify(name.slice(0, 60))} is no setting of a queue; known are ${known}`,
      );
    }
    change = { ...change, ...read(from ?? nothing, `${path}.${name}`) };
  }
  return change;
}

const nothing: WireQueueSettings = { $typeName: "conveyor.v1.QueueSettings", paused: false };

function setFields(from: WireQueueSettings | undefined): readonly string[] {
  if (from === undefined) return [];
  const isSet: Readonly<Record<string, boolean>> = {
    paused: from.paused,
    max_concurrency: from.maxConcurrency !== undefined,
    max_attempts: from.maxAttempts !== undefined,
    backoff: from.backoff !== undefined,
    timeout: from.timeout !== undefined,
    crash_limit: from.crashLimit !== undefined,
    completed_retention: from.completedRetention !== undefined,
    cancelled_retention: from.cancelledRetention !== undefined,
    dead_retention: from.deadRetention !== undefined,
  };
  return Object.keys(isSet).filter((name) => isSet[name]);
}
