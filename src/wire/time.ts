import type { Duration, Timestamp } from "@bufbuild/protobuf/wkt";
import { limits } from "../core/limits.ts";
import { invalidField } from "./invalid-field.ts";

const nanosPerMs = 1_000_000;
const nanosMax = 999_999_999;
/** 9999-12-31T23:59:59.999Z, the end of a Timestamp. */
const timestampMsMax = 253_402_300_799_999;
const timestampMsMin = -62_135_596_800_000;
/** 10,000 years, the end of a Duration. */
const durationSecondsMax = 315_576_000_000n;

/** Milliseconds since the epoch as a Timestamp. */
export function msToTimestamp(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1_000);
  return { $typeName: "google.protobuf.Timestamp", seconds: BigInt(seconds), nanos: nanosOf(ms, seconds) };
}

/** A span in ms, 0 or more, as a Duration. */
export function msToDuration(ms: number): Duration {
  const seconds = Math.floor(ms / 1_000);
  return { $typeName: "google.protobuf.Duration", seconds: BigInt(seconds), nanos: nanosOf(ms, seconds) };
}

/** The part below a second; rounding must not make a whole one of it. */
function nanosOf(ms: number, seconds: number): number {
  return Math.min(nanosMax, Math.round((ms - seconds * 1_000) * nanosPerMs));
}

/** Milliseconds since the epoch, parts of one rounded up. Unchecked: for what comes from a broker. */
export function timestampToMs(timestamp: Timestamp): number {
  return Number(timestamp.seconds) * 1_000 + Math.ceil(timestamp.nanos / nanosPerMs);
}

/** A span in ms, parts of one rounded up. Unchecked: for what comes from a broker. */
export function durationToMs(duration: Duration): number {
  return Number(duration.seconds) * 1_000 + Math.ceil(duration.nanos / nanosPerMs);
}

/** A span asked for, in ms; INVALID_OPTION with the path unless it is a Duration from `msMin` to `msMax`. */
export function checkedDurationMs(
  duration: Duration,
  bounds: { readonly path: string; readonly msMin?: number; readonly msMax: number },
): number {
  const { path, msMin = 0, msMax } = bounds;
  const { seconds, nanos } = duration;
  const wellFormed =
    seconds >= -durationSecondsMax &&
    seconds <= durationSecondsMax &&
    Math.abs(nanos) <= nanosMax &&
    !signsDiffer(seconds, nanos);
  if (!wellFormed) throw invalidField("INVALID_OPTION", path, "it is no valid google.protobuf.Duration");
  if (seconds < 0n || nanos < 0) throw invalidField("INVALID_OPTION", path, "it must not be negative");
  const ms = durationToMs(duration);
  if (ms < msMin) throw invalidField("INVALID_OPTION", path, `it must be at least ${msMin} ms, got ${ms} ms`);
  if (ms > msMax)
    throw invalidField("INVALID_OPTION", path, `it must be at most ${msMax / 1_000} s, got ${ms / 1_000} s`);
  return ms;
}

/** A run time asked for, in ms since the epoch; INVALID_OPTION with the path when it is malformed or over ten years after `nowMs`. */
export function checkedTimestampMs(
  timestamp: Timestamp,
  bounds: { readonly path: string; readonly nowMs: number },
): number {
  const ms = timestampToMs(timestamp);
  const wellFormed =
    timestamp.nanos >= 0 && timestamp.nanos <= nanosMax && ms >= timestampMsMin && ms <= timestampMsMax + 1;
  if (!wellFormed) throw invalidField("INVALID_OPTION", bounds.path, "it is no valid google.protobuf.Timestamp");
  if (ms > bounds.nowMs + limits.delayMsMax)
    throw invalidField("INVALID_OPTION", bounds.path, "it lies more than ten years ahead");
  return ms;
}

function signsDiffer(seconds: bigint, nanos: number): boolean {
  return (seconds > 0n && nanos < 0) || (seconds < 0n && nanos > 0);
}
