import { ConveyorError } from "./errors.ts";
import { limits } from "./limits.ts";

/** A span of time: milliseconds, or text such as `"250ms"`, `"5m"`, `"1h30m"`. */
export type Span = number | string;

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const textPattern = /^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/;
const partPattern = /(\d+(?:\.\d+)?)(ms|[smhd])/g;

/** A span in ms, from 0 to `msMax` (ten years when left out), else throws INVALID_OPTION with the option's name. */
export function parseSpan(span: Span, name: string, msMax: number = limits.delayMsMax): number {
  const ms = typeof span === "number" ? span : textMs(span);
  if (typeof ms === "number" && ms >= 0 && ms <= msMax) return ms;
  const problem = `a span is 0 to ${msMax} milliseconds, or text such as "250ms", "5m" or "1h30m"`;
  throw new ConveyorError("INVALID_OPTION", `${name}: ${problem}; got ${JSON.stringify(span) ?? String(span)}`, {
    details: { fields: [{ path: name, problem }] },
  });
}

function textMs(text: unknown): number {
  if (typeof text !== "string" || !textPattern.test(text)) return Number.NaN;
  let total = 0;
  for (const [, count, unit] of text.matchAll(partPattern)) total += Number(count) * (unitMs[unit ?? ""] ?? Number.NaN);
  return total;
}
