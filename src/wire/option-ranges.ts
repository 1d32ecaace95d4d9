import type { Duration } from "@bufbuild/protobuf/wkt";
import { limits } from "../core/limits.ts";
import { invalidField } from "./invalid-field.ts";
import { checkedDurationMs } from "./time.ts";

/** A count that may be left out: 1 to `max`. */
export function attemptsFromWire(count: number | undefined, path: string, max: number): number | undefined {
  if (count === undefined || (Number.isInteger(count) && count >= 1 && count <= max)) return count;
  throw invalidField("INVALID_OPTION", path, `it must be 1 to ${max}, got ${count}`);
}

/** A time-out of one attempt that may be left out: 1 ms to 30 days. */
export function timeoutFromWire(timeout: Duration | undefined, path: string): number | undefined {
  if (timeout === undefined) return undefined;
  return checkedDurationMs(timeout, { path, msMin: 1, msMax: limits.timeoutMsMax });
}

/** How long an ended chain is kept, which may be left out: 0 to ten years. */
export function retentionFromWire(retention: Duration | undefined, path: string): number | undefined {
  return retention && checkedDurationMs(retention, { path, msMax: limits.delayMsMax });
}
