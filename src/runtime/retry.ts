import { type ConveyorError, errorStatus, isConveyorError } from "../core/errors.ts";
import { sleep } from "./abort.ts";

/** The wait before try number `failures + 1`: anything from 0 to 100 ms doubled with each failure, at most `maxMs`. */
export function fullJitterMs(
  failures: number,
  options: { readonly maxMs: number; readonly random: () => number },
): number {
  return options.random() * Math.min(options.maxMs, 100 * 2 ** Math.min(failures, 20));
}

export interface RetryOptions {
  readonly signal?: AbortSignal | undefined;
  /** No new try begins after this; the last error is thrown then. */
  readonly boundMs: number;
  readonly random: () => number;
  /** How many places `work` tries in turn; 1 when left out. It waits once it has failed at all of them. */
  readonly places?: number | undefined;
}

/**
 * Runs `work` until it succeeds, fails for good, or the bound is over: what cannot be reached or is busy is tried again with
 * full jitter up to 2 s. Throws the signal's reason when that comes first while waiting.
 */
export async function retryUnavailable<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const startedAt = performance.now();
  const { places = 1 } = options;
  for (let failures = 0; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isPassing(error)) throw error;
      const rounds = Math.floor(failures / places);
      const waitMs = (failures + 1) % places === 0 ? retryWaitMs(error, rounds, options.random) : 0;
      if (performance.now() - startedAt + waitMs > options.boundMs) throw error;
      await sleep(waitMs, options.signal);
    }
  }
}

/** The wait after try number `failures + 1` failed: full jitter up to 2 s, or longer where the error says so. */
export function retryWaitMs(error: ConveyorError, failures: number, random: () => number): number {
  return Math.max(fullJitterMs(failures, { maxMs: 2_000, random }), error.details.retryAfterMs ?? 0);
}

/** Whether trying the same again later can succeed; TIMED_OUT is an answer that did not come in time. */
export function isPassing(error: unknown): error is ConveyorError {
  if (!isConveyorError(error)) return false;
  return errorStatus[error.code] === "UNAVAILABLE" || error.code === "SERVER_BUSY" || error.code === "TIMED_OUT";
}
