import { ConveyorError } from "../core/errors.ts";
import { deferred } from "./deferred.ts";

/** Resolves after `ms` (at once when 0 or less); throws the signal's reason when that comes first. */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = deferred<void>();
  const onAbort = () => reject(signal?.reason);
  const timer = setTimeout(resolve, Math.min(Math.max(0, ms), timerMsMax));
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", onAbort);
  }
}

/** The longest wait that a timer takes; a longer one would fire at once. */
export const timerMsMax: number = 2 ** 31 - 1;

/** What `promise` gives, unless the signal comes first: then its reason is thrown, and a later failure of `promise` is nobody's. */
export async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  promise.catch(() => undefined);
  signal.throwIfAborted();
  const aborted = deferred<never>();
  const onAbort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** Resolves with true when `promise` ended (well or badly) within `ms`, else with false. */
export async function within(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = deferred<boolean>();
  const handle = setTimeout(() => timer.resolve(false), Math.min(ms, timerMsMax));
  try {
    return await Promise.race([
      promise.then(
        () => true,
        () => true,
      ),
      timer.promise,
    ]);
  } finally {
    clearTimeout(handle);
  }
}

/** A controller that also aborts with any of `signals`; `release` lets go of them. */
export function linkedAbort(signals: readonly (AbortSignal | undefined)[]): {
  readonly controller: AbortController;
  release(): void;
} {
  const controller = new AbortController();
  const undo: (() => void)[] = [];
  for (const signal of signals) {
    if (signal === undefined) continue;
    const onAbort = () => controller.abort(signal.reason);
    if (signal.aborted) onAbort();
    else {
      signal.addEventListener("abort", onAbort, { once: true });
      undo.push(() => signal.removeEventListener("abort", onAbort));
    }
  }
  return {
    controller,
    release() {
      for (const each of undo) each();
    },
  };
}

/** The reason of an abort that is nobody's fault. */
export function aborted(message: string): ConveyorError {
  return new ConveyorError("ABORTED", message);
}
