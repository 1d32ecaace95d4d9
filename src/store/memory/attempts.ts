import type { AttemptRecord } from "../../core/job.ts";
import { limits } from "../../core/limits.ts";
import type { JobRow } from "./row.ts";

const kept = limits.attemptsKeptFirst + limits.attemptsKeptLast;

/** The ended attempts that are kept when one more has ended: the first 20 and the last 20. */
export function withAttempt(attempts: readonly AttemptRecord[], ended: AttemptRecord): readonly AttemptRecord[] {
  const all = [...attempts, ended];
  return all.length <= kept ? all : [...all.slice(0, limits.attemptsKeptFirst), ...all.slice(-limits.attemptsKeptLast)];
}

/** A job's history as it is shown: the first 20 and the last 20 attempts by number, the running one last. */
export function shownAttempts(row: JobRow): AttemptsShown {
  const all = row.state === "RUNNING" ? [...row.attempts, runningAttempt(row)] : row.attempts;
  const attempts = all.filter(
    (each) => each.number <= limits.attemptsKeptFirst || each.number > row.attempt - limits.attemptsKeptLast,
  );
  return { attempts, attemptsOmitted: row.attempt - attempts.length };
}

interface AttemptsShown {
  readonly attempts: readonly AttemptRecord[];
  readonly attemptsOmitted: number;
}

/** The attempt that the job's live lease stands for. */
export function runningAttempt(row: JobRow): AttemptRecord {
  if (row.lease === undefined) throw new Error(`job ${row.id} has no lease`);
  return {
    number: row.attempt,
    outcome: undefined,
    sessionId: row.lease.sessionId,
    worker: row.lease.worker,
    claimedAt: row.lease.claimedAt,
    endedAt: undefined,
    error: undefined,
    epoch: row.epoch,
  };
}
