import type { AttemptRecord, JobError } from "../../core/job.ts";
import { limits } from "../../core/limits.ts";
import { Recorded, recordedOf, State } from "../codes.ts";
import type { JobRow } from "./job-row.ts";
import type { Step } from "./step.ts";
import type { Reading } from "./transactions.ts";

interface AttemptRow {
  readonly number: number;
  readonly outcome: number;
  readonly session_id: string;
  readonly worker: string;
  readonly claimed_at: number;
  readonly ended_at: number;
  readonly epoch: number;
  readonly error_name: string | null;
  readonly error_message: string | null;
  readonly error_stack: string | null;
}

const insertAttempt = `
  INSERT OR REPLACE INTO attempt
    (seq, number, outcome, session, claimed_at, ended_at, epoch, error_name, error_message, error_stack)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const keepNewest = `
  INSERT OR IGNORE INTO attempt (seq, number, outcome, session, claimed_at, ended_at, epoch)
  VALUES (?, ?, ?, ?, ?, ?, ?)`;

/** Between the first that are kept and the last. */
const forgetAttempts = `DELETE FROM attempt WHERE seq = ?+0 AND number > ${limits.attemptsKeptFirst} AND number <= ?+0`;

const selectAttempts = `
  SELECT number, outcome, session.id AS session_id, session.worker, claimed_at, attempt.ended_at, attempt.epoch,
    error_name, error_message, error_stack
  FROM attempt JOIN session ON session.seq = attempt.session
  WHERE attempt.seq = ?+0 ORDER BY number`;

const selectWorker = "SELECT id, worker FROM session WHERE seq = ?";

/** Puts the newest attempt of a running job into history, and forgets those that are no longer kept. */
export function recordAttempt(step: Step, row: JobRow, outcome: number, error: JobError | undefined): void {
  step.sql.run(
    insertAttempt,
    row.seq,
    row.attempt,
    outcome,
    row.session,
    row.claimed_at,
    step.now,
    row.epoch,
    error?.name ?? null,
    error?.message ?? null,
    error?.stack ?? null,
  );
  const forgotten = row.attempt - limits.attemptsKeptLast;
  if (forgotten > limits.attemptsKeptFirst) step.sql.run(forgetAttempts, row.seq, forgotten);
}

/** Puts the newest attempt of an ended job that went well into history, since the job's row is about to say something else. */
export function keepSuccess(step: Step, row: JobRow): void {
  if (row.attempt === 0 || row.recorded !== Recorded.SUCCEEDED) return;
  const { seq, attempt, recorded, session, claimed_at, ran_at, epoch } = row;
  step.sql.run(keepNewest, seq, attempt, recorded, session, claimed_at, ran_at, epoch);
}

/** A job's history as it is shown: the first 20 and the last 20, the running one last. */
export function attemptsOf(
  reading: Reading,
  row: JobRow,
): { readonly attempts: readonly AttemptRecord[]; readonly attemptsOmitted: number } {
  const ended = reading.sql.rows<AttemptRow>(selectAttempts, row.seq).map(recordOf);
  const newest = ended.at(-1)?.number === row.attempt ? undefined : newestOf(reading, row);
  const all = newest === undefined ? ended : [...ended, newest];
  const lastFrom = row.attempt - limits.attemptsKeptLast;
  const attempts = all.filter(({ number }) => number <= limits.attemptsKeptFirst || number > lastFrom);
  return { attempts, attemptsOmitted: row.attempt - attempts.length };
}

/** The newest attempt when it runs or went well: the job's own row says all of it. */
function newestOf(reading: Reading, row: JobRow): AttemptRecord | undefined {
  if (row.attempt === 0) return undefined;
  const [sessionId = "", worker = ""] = reading.sql.tuple<[string, string]>(selectWorker, row.session) ?? [];
  const isRunning = row.state === State.RUNNING;
  return {
    number: row.attempt,
    outcome: isRunning ? undefined : recordedOf(row.recorded),
    sessionId,
    worker,
    claimedAt: row.claimed_at ?? 0,
    endedAt: isRunning ? undefined : (row.ran_at ?? undefined),
    error: undefined,
    epoch: row.epoch,
  };
}

function recordOf(row: AttemptRow): AttemptRecord {
  const { error_name: name, error_message: message, error_stack: stack } = row;
  return {
    number: row.number,
    outcome: recordedOf(row.outcome),
    sessionId: row.session_id,
    worker: row.worker,
    claimedAt: row.claimed_at,
    endedAt: row.ended_at,
    error: name === null ? undefined : { name, message: message ?? "", stack: stack ?? "" },
    epoch: row.epoch,
  };
}
