import type { BackoffPolicy } from "./job.ts";
import { limits } from "./limits.ts";

/**
 * The wait in ms before the attempt that follows failure number `failures` (1 for the first).
 * `random`, 0 to below 1, moves the wait down within the policy's jitter: full jitter (1) spreads it over (0, wait].
 * A usable `askedMs` (over 0, at most a year) is taken as it is; any other falls back to the policy.
 * Source of full jitter: AWS Architecture Blog, "Exponential Backoff And Jitter".
 */
export function backoffMs(policy: BackoffPolicy, failures: number, random: number, askedMs?: number): number {
  if (askedMs !== undefined && askedMs > 0 && askedMs <= limits.backoffMsMax) return Math.max(1, Math.round(askedMs));
  const capped = Math.min(policy.maxMs, grown(policy, Math.max(1, failures)));
  return Math.max(1, Math.round(capped * (1 - policy.jitter * random)));
}

function grown(policy: BackoffPolicy, failures: number): number {
  switch (policy.kind) {
    case "EXPONENTIAL":
      // Bounded first: 0 times an overflow would be no number.
      return policy.initialMs * Math.min(Number.MAX_VALUE, policy.multiplier ** (failures - 1));
    case "LINEAR":
      return policy.initialMs * failures;
    case "FIXED":
      return policy.initialMs;
    default:
      return policy.kind satisfies never;
  }
}

/** The random part, 0 to below 1, of item `index` of a batch that drew one `seed`: low-discrepancy, so that a batch spreads evenly (golden-ratio sequence). */
export function jitterOf(seed: number, index: number): number {
  return (seed + index * 0.6180339887498949) % 1;
}
