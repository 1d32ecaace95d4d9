import { ConveyorError } from "../core/errors.ts";

/** A time such as `2030-01-31T08:00:00Z` in ms since the epoch, else throws INVALID_OPTION. Without a zone it is local. */
export function parseTimeMs(text: string, flag: string): number {
  const time = /^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}|$)/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new ConveyorError("INVALID_OPTION", `${flag}: a time is like 2030-01-31T08:00:00Z; got "${text}"`);
  }
  return time;
}

/** A span in ms for people: `1.2s`, `3m 20s`, `2h 5m`. */
export function formatSpan(spanMs: number): string {
  if (spanMs < 1_000) return `${Math.round(spanMs)}ms`;
  if (spanMs < 60_000) return `${(spanMs / 1_000).toFixed(1)}s`;
  const [large, largeMs, small, smallMs] = unitsFor(spanMs);
  const rest = Math.floor((spanMs % largeMs) / smallMs);
  return `${Math.floor(spanMs / largeMs)}${large}${rest > 0 ? ` ${rest}${small}` : ""}`;
}

function unitsFor(spanMs: number): readonly [string, number, string, number] {
  if (spanMs < 3_600_000) return ["m", 60_000, "s", 1_000];
  if (spanMs < 86_400_000) return ["h", 3_600_000, "m", 60_000];
  return ["d", 86_400_000, "h", 3_600_000];
}
