import { ConveyorError } from "../core/errors.ts";
import type { JobState } from "../core/job.ts";
import type { JobId } from "../core/names.ts";

/** Who waits for jobs, in memory. */
export interface Waiters {
  /** Resolves with true when the job's run or chain has ended since the call, with false after `ms`; throws the signal's reason, or DRAINING. */
  ended(id: JobId, ms: number, signal: AbortSignal): Promise<boolean>;
  wake(ended: readonly { readonly id: JobId; readonly state: JobState }[]): void;
  /** The broker stops: nobody waits on. */
  stop(): void;
}

const waitersMax = 10_000;

export function createWaiters(): Waiters {
  const waiting = new Map<JobId, Set<() => void>>();
  const stopping = new AbortController();
  let count = 0;

  function ended(id: JobId, ms: number, signal: AbortSignal): Promise<boolean> {
    if (count >= waitersMax) {
      const message = `${waitersMax} calls are waiting for jobs already; try again a little later`;
      throw new ConveyorError("SERVER_BUSY", message, { details: { retryAfterMs: 1_000 } });
    }
    const end = AbortSignal.any([signal, stopping.signal]);
    end.throwIfAborted();
    return new Promise((resolve, reject) => {
      const others = waiting.get(id) ?? new Set();
      const leave = () => {
        clearTimeout(timer);
        end.removeEventListener("abort", onAbort);
        others.delete(onEnded);
        if (others.size === 0 && waiting.get(id) === others) waiting.delete(id);
        count -= 1;
      };
      const onEnded = () => {
        leave();
        resolve(true);
      };
      const onAbort = () => {
        leave();
        reject(end.reason);
      };
      const timer = setTimeout(() => {
        leave();
        resolve(false);
      }, ms);
      end.addEventListener("abort", onAbort, { once: true });
      others.add(onEnded);
      waiting.set(id, others);
      count += 1;
    });
  }

  return {
    ended,
    wake(jobs) {
      if (count === 0) return;
      for (const { id } of jobs) for (const onEnded of [...(waiting.get(id) ?? [])]) onEnded();
    },
    stop: () => stopping.abort(new ConveyorError("DRAINING", "this broker stops; ask another one, or again later")),
  };
}
