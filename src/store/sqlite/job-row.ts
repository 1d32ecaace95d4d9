import type { JobId } from "../../core/names.ts";
import { isTerminalCode, State } from "../codes.ts";
import { count, due, ready, type Step } from "./step.ts";

/** What changes in the life of a job. */
export interface JobChange {
  readonly state: number;
  readonly hold: number;
  readonly run_at: number;
  readonly epoch: number;
  readonly failure_count: number;
  readonly crash_count: number;
  readonly snooze_count: number;
  readonly release_count: number;
  readonly sent: number;
  readonly recorded: number;
  readonly problem: string | null;
  readonly run: number;
  readonly ran_at: number | null;
  readonly finished_at: number | null;
  readonly cancel: number;
  readonly cancel_heirs: number;
  readonly reason: number;
  readonly edge_flipped: number;
  readonly propagate_due: number;
  readonly below: number;
  readonly staged: number;
  readonly fingerprint: string | null;
  readonly result_of: number | null;
}

/** A job's row as its decisions need it: all but what it was asked to be called, and its result. */
export interface JobRow extends JobChange {
  readonly seq: number;
  readonly id: JobId;
  readonly lane: number;
  readonly neg_priority: number;
  readonly delay_ms: number | null;
  readonly start_at: number | null;
  readonly created_at: number;
  readonly attempt: number;
  readonly lease: string | null;
  readonly session: number | null;
  readonly claimed_at: number | null;
  readonly parent: number | null;
  readonly root: number | null;
  readonly role: number;
  readonly depth: number;
  readonly policy: number;
  readonly trigger: number;
  readonly max_attempts: number | null;
  readonly timeout_ms: number | null;
  readonly backoff: string | null;
}

/** The columns of `JobRow`. */
export const jobColumns = `
  seq, id, lane, state, hold, neg_priority, run_at, delay_ms, start_at, created_at, epoch, attempt,
  failure_count, crash_count, snooze_count, release_count, lease, session, claimed_at, sent, recorded, problem,
  run, ran_at, finished_at, cancel, cancel_heirs, reason, parent, root, role, depth, policy, trigger,
  edge_flipped, propagate_due, below, staged, max_attempts, timeout_ms, backoff, fingerprint, result_of`;

const selectJob = `SELECT ${jobColumns} FROM job WHERE seq = ?`;

const updateJob = `
  UPDATE job SET
    version = version + 1, updated_at = ?, state = ?, hold = ?, run_at = ?, epoch = ?,
    failure_count = ?, crash_count = ?, snooze_count = ?, release_count = ?, sent = ?, recorded = ?, problem = ?,
    run = ?, ran_at = ?, finished_at = ?, cancel = ?, cancel_heirs = ?, reason = ?,
    edge_flipped = ?, propagate_due = ?, below = ?, staged = ?, fingerprint = ?, result_of = ?
  WHERE seq = ?`;

export function loadJob(step: Step, seq: number): JobRow | undefined {
  return step.sql.row<JobRow>(selectJob, seq);
}

/**
 * Writes a change of a job, and gathers what follows from it: counters, claimable lanes, due times, ended jobs.
 * Sets `ran_at` when the change ends its own run, `finished_at` when it makes the job terminal; takes them back with a revival.
 */
export function saveJob(step: Step, row: JobRow, change: Partial<JobChange>): JobRow {
  const changed: JobRow = { ...row, ...change };
  const ran = changed.run !== 0 && row.run === 0;
  const isTerminal = isTerminalCode(changed.state);
  const finished = isTerminal && !isTerminalCode(row.state);
  const next: JobRow = {
    ...changed,
    ran_at: changed.run === 0 ? null : (row.ran_at ?? step.now),
    finished_at: finished ? step.now : isTerminal ? row.finished_at : null,
    cancel_heirs: isTerminal ? 0 : changed.cancel_heirs,
  };
  step.sql.run(
    updateJob,
    step.now,
    next.state,
    next.hold,
    next.run_at,
    next.epoch,
    next.failure_count,
    next.crash_count,
    next.snooze_count,
    next.release_count,
    next.sent,
    next.recorded,
    next.problem,
    next.run,
    next.ran_at,
    next.finished_at,
    next.cancel,
    next.cancel_heirs,
    next.reason,
    next.edge_flipped,
    next.propagate_due,
    next.below,
    next.staged,
    next.fingerprint,
    next.result_of,
    next.seq,
  );
  if (next.state !== row.state) entered(step, row, next);
  if (ran || finished) ended(step, next);
  if (finished && next.below === 1) step.sql.run("DELETE FROM cascade WHERE seq = ?", next.seq);
  return next;
}

/** A job's own run ended, or it turned terminal: told once, with its last state. */
export function ended(step: Step, row: Pick<JobRow, "seq" | "id" | "state">, state: number = row.state): void {
  step.ended.set(row.seq, { id: row.id, state });
}

function entered(step: Step, before: JobRow, after: JobRow): void {
  count(step, before.lane, before.state, -1);
  count(step, after.lane, after.state, 1);
  if (after.state === State.READY) ready(step, after.lane);
  if (after.state === State.SCHEDULED || after.state === State.RETRYING) due(step, after.run_at);
}
