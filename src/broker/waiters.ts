import { ConveyorError } from "../core/errors.ts";
import { isTerminal, type JobState } from "../core/job.ts";
import type { JobId } from "../core/names.ts";
import type { Clock } from "../runtime/clock.ts";

/** What someone waits for: the end of the job's own run, or of all that is below it as well. */
export type WaitGoal = "RAN" | "TERMINAL";

/** Who waits for jobs, in memory; and which jobs are to be looked at, in case another broker ended them. */
export interface Waiters {
  /** Resolves with true when the job may have got there since the call, with false after `ms`; throws the signal's reason, SERVER_BUSY or DRAINING. */
  reached(
    id: JobId,
    wait: { readonly goal: WaitGoal; readonly ms: number; readonly signal: AbortSignal },
  ): Promise<boolean>;
  /** These have ended: their own run with any state, all of it with a terminal one; undefined: one of both. */
  wake(ended: readonly { readonly id: JobId; readonly state: JobState | undefined }[]): void;
  /** Jobs whose time to be looked at has come; each is looked at next after twice the pause. */
  due(): readonly JobId[];
  /** Until the next is due; undefined: nobody waits. */
  nextInMs(): number | undefined;
  /** Hints may have been lost: all are due. */
  lookAgain(): void;
  /** The broker stops: nobody waits on. */
  stop(): void;
}

const waitersMax = 10_000;
const pausesMax = 20;

interface Waited {
  readonly waiters: Set<{ readonly goal: WaitGoal; onReached(): void }>;
  pauseMs: number;
  dueAt: number;
}

export function createWaiters(options: {
  readonly clock: Clock;
  /** The first pause before a look; the longest is 20 times that. */
  readonly lookMs: number;
  /** A job is due in so long. */
  readonly onDueIn: (ms: number) => void;
}): Waiters {
  const { clock, lookMs, onDueIn } = options;
  const jobs = new Map<JobId, Waited>();
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

  function add(id: JobId, waiter: { readonly goal: WaitGoal; onReached(): void }): void {
    const waited = jobs.get(id) ?? { waiters: new Set(), pauseMs: 0, dueAt: 0 };
    jobs.set(id, waited);
    waited.waiters.add(waiter);
    count += 1;
    waited.pauseMs = lookMs;
    waited.dueAt = clock.elapsed() + lookMs;
    onDueIn(lookMs);
  }

  function remove(id: JobId, waiter: { readonly goal: WaitGoal; onReached(): void }): void {
    const waited = jobs.get(id);
    if (waited?.waiters.delete(waiter) !== true) return;
    count -= 1;
    if (waited.waiters.size === 0) jobs.delete(id);
  }

  return {
    reached,
    wake(ended) {
      if (count === 0) return;
      for (const { id, state } of ended) {
        const ends = state === undefined || isTerminal(state);
        for (const each of [...(jobs.get(id)?.waiters ?? [])]) if (ends || each.goal === "RAN") each.onReached();
      }
    },
    due() {
      const now = clock.elapsed();
      const due: JobId[] = [];
      for (const [id, waited] of jobs) {
        // Those that are nearly due come along: fewer looks with more in each.
        if (waited.dueAt > now + lookMs / 2) continue;
        due.push(id);
        waited.pauseMs = Math.min(2 * waited.pauseMs, pausesMax * lookMs);
        waited.dueAt = now + waited.pauseMs;
      }
      return due;
    },
    nextInMs() {
      let next = Number.POSITIVE_INFINITY;
      for (const { dueAt } of jobs.values()) next = Math.min(next, dueAt);
      return next === Number.POSITIVE_INFINITY ? undefined : Math.max(0, next - clock.elapsed());
    },
    lookAgain() {
      const now = clock.elapsed();
      for (const waited of jobs.values()) {
        waited.pauseMs = lookMs;
        waited.dueAt = now;
      }
      if (jobs.size > 0) onDueIn(0);
    },
    stop: () => stopping.abort(new ConveyorError("DRAINING", "this broker stops; ask another one, or again later")),
  };
}
