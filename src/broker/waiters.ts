import { ConveyorError } from "../core/errors.ts";
import { isTerminal, type JobState } from "../core/job.ts";
import type { JobId } from "../core/names.ts";
import type { LookSchedule } from "./look-schedule.ts";

/** What someone waits for: the end of the job's own run, or of all that is below it as well. */
export type WaitGoal = "RAN" | "TERMINAL";

/** Who waits for jobs, in memory; what they wait for is in `schedule`, in case another broker ends it. */
export interface Waiters {
  /** Resolves with true when the job may have got there since the call, with false after `ms`; throws the signal's reason, SERVER_BUSY or DRAINING. */
  reached(
    id: JobId,
    wait: { readonly goal: WaitGoal; readonly ms: number; readonly signal: AbortSignal },
  ): Promise<boolean>;
  /** These have ended: their own run with any state, all of it with a terminal one; undefined: one of both. */
  wake(ended: readonly { readonly id: JobId; readonly state: JobState | undefined }[]): void;
  /** The broker stops: nobody waits on. */
  stop(): void;
}

const waitersMax = 10_000;

interface Waiter {
  readonly goal: WaitGoal;
  onReached(): void;
}

export function createWaiters({ schedule }: { readonly schedule: LookSchedule<JobId> }): Waiters {
  const jobs = new Map<JobId, Set<Waiter>>();
  const stopping = new AbortController();
  let count = 0;

  function reached(
    id: JobId,
    { goal, ms, signal }: { readonly goal: WaitGoal; readonly ms: number; readonly signal: AbortSignal },
  ): Promise<boolean> {
    if (count >= waitersMax) {
      const message = `${waitersMax} calls are waiting for jobs already; try again a little later`;
      throw new ConveyorError("SERVER_BUSY", message, { details: { retryAfterMs: 1_000 } });
    }
    const end = AbortSignal.any([signal, stopping.signal]);
    end.throwIfAborted();
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        end.removeEventListener("abort", onAbort);
        remove(id, waiter);
      };
      const waiter = {
        goal,
        onReached() {
          leave();
          resolve(true);
        },
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
      add(id, waiter);
    });
  }

  function add(id: JobId, waiter: Waiter): void {
    const waiters = jobs.get(id) ?? new Set();
    jobs.set(id, waiters);
    waiters.add(waiter);
    count += 1;
    schedule.soon(id);
  }

  function remove(id: JobId, waiter: Waiter): void {
    const waiters = jobs.get(id);
    if (waiters?.delete(waiter) !== true) return;
    count -= 1;
    if (waiters.size > 0) return;
    jobs.delete(id);
    schedule.remove(id);
  }

  return {
    reached,
    wake(ended) {
      if (count === 0) return;
      for (const { id, state } of ended) {
        const ends = state === undefined || isTerminal(state);
        for (const each of [...(jobs.get(id) ?? [])]) if (ends || each.goal === "RAN") each.onReached();
      }
    },
    stop: () => stopping.abort(new ConveyorError("DRAINING", "this broker stops; ask another one, or again later")),
  };
}
