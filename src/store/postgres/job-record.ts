import type { AttemptRecord, BackoffPolicy, JobDetail, JobError, JobSummary, TypedBytes } from "../../core/job.ts";
import { limits } from "../../core/limits.ts";
import type { JobId, QueueName, TypeName } from "../../core/names.ts";
import { holdOf, isTerminalCode, policyOf, reasonOf, recordedOf, roleOf, State, stateOf, triggerOf } from "../codes.ts";
import { decodeKey } from "./key-text.ts";

/** What a job's summary is made of; column names are those of the tables. */
export interface SummaryRow {
  readonly seq: number;
  readonly id: JobId;
  readonly queue: QueueName;
  readonly type: TypeName;
  readonly state: number;
  readonly hold: number;
  readonly neg_priority: number;
  readonly run_at: number;
  readonly created_at: number;
  readonly updated_at: number;
  readonly version: number;
  readonly epoch: number;
  readonly attempt: number;
  readonly failure_count: number;
  readonly crash_count: number;
  readonly snooze_count: number;
  readonly release_count: number;
  readonly ran_at: number | null;
  readonly finished_at: number | null;
  readonly cancel: number;
  readonly reason: number;
  readonly role: number;
  readonly depth: number;
  readonly key: string | null;
  readonly policy: number;
  readonly trigger: number;
  readonly as_result: boolean;
  readonly max_attempts: number | null;
  readonly timeout_ms: number | null;
  readonly backoff: string | null;
  readonly schema_id: string;
  readonly principal: string;
  readonly request_id: string | null;
  readonly payload_bytes: number;
  readonly fingerprint: string | null;
  readonly parent_id: JobId | null;
  readonly root_id: JobId | null;
  readonly pending_children: number | null;
  readonly pending_heirs: number | null;
}

/** What its detail takes beyond that. */
export interface DetailRow extends SummaryRow {
  readonly payload: Uint8Array | null;
  readonly metadata: string | null;
  readonly result_type: TypeName | null;
  readonly result: Uint8Array | null;
  readonly recorded: number;
  readonly claimed_at: number | null;
  readonly session_id: string | null;
  readonly worker: string | null;
  readonly attempts: readonly AttemptRow[] | null;
  readonly progress_attempt: number | null;
  readonly progress_at: number | null;
  readonly progress: Uint8Array | null;
}

type AttemptRow = readonly [
  number: number,
  outcome: number,
  sessionId: string,
  worker: string,
  claimedAt: number,
  endedAt: number,
  epoch: number,
  error: string | null,
];

/** Columns of `SummaryRow`, of a job `j` with `summaryJoins`. */
export const summaryColumns = `
  j.seq, j.id, l.queue, l.type, j.state, j.hold, j.neg_priority, j.run_at, j.created_at, j.updated_at, j.version, j.epoch,
  j.attempt, j.failure_count, j.crash_count, j.snooze_count, j.release_count, j.ran_at, j.finished_at, j.cancel, j.reason,
  j.role, j.depth, j.key, j.policy, j.trigger, j.as_result, j.max_attempts, j.timeout_ms, j.backoff,
  sn.text AS schema_id, pn.text AS principal, j.request_id, j.payload_bytes, j.fingerprint,
  p.id AS parent_id, r.id AS root_id, b.pending_children, b.pending_heirs`;

export const summaryJoins = (schema: string): string => `
  JOIN ${schema}.lane l ON l.id = j.lane
  JOIN ${schema}.name sn ON sn.id = j.schema_id JOIN ${schema}.name pn ON pn.id = j.principal
  LEFT JOIN ${schema}.barrier b ON b.seq = j.seq
  LEFT JOIN ${schema}.job p ON p.seq = j.parent LEFT JOIN ${schema}.job r ON r.seq = j.root`;

/** Columns of `DetailRow` beyond the summary's, with `detailJoins`. */
export const detailColumns = (schema: string): string => `
  y.bytes AS payload, y.metadata, rn.text AS result_type, o.bytes AS result, j.recorded, j.claimed_at,
  s.id AS session_id, s.worker, g.attempt AS progress_attempt, g.at AS progress_at, g.bytes AS progress,
  (SELECT json_agg(json_build_array(a.number, a.outcome, t.id, t.worker, a.claimed_at, a.ended_at, a.epoch, a.error) ORDER BY a.number)
    FROM ${schema}.attempt a JOIN ${schema}.session t ON t.seq = a.session WHERE a.seq = j.seq) AS attempts`;

export const detailJoins = (schema: string): string => `
  LEFT JOIN ${schema}.payload y ON y.seq = j.seq
  LEFT JOIN ${schema}.result o ON o.seq = coalesce(j.result_of, j.seq) LEFT JOIN ${schema}.name rn ON rn.id = o.type
  LEFT JOIN ${schema}.session s ON s.seq = j.session LEFT JOIN ${schema}.progress g ON g.seq = j.seq`;

export function summaryOf(row: SummaryRow): JobSummary {
  const isTerminal = isTerminalCode(row.state);
  return {
    id: row.id,
    type: row.type,
    queue: row.queue,
    state: stateOf(row.state),
    hold: holdOf(row.hold),
    reason: isTerminal ? reasonOf(row.reason) : undefined,
    priority: 0 - row.neg_priority,
    runAt: row.run_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ranAt: row.ran_at ?? undefined,
    finishedAt: row.finished_at ?? undefined,
    version: row.version,
    epoch: row.epoch,
    attempt: row.attempt,
    failureCount: row.failure_count,
    crashCount: row.crash_count,
    snoozeCount: row.snooze_count,
    releaseCount: row.release_count,
    maxAttempts: row.max_attempts ?? undefined,
    backoff: parseBackoff(row.backoff),
    timeoutMs: row.timeout_ms ?? undefined,
    rootId: row.root_id ?? row.id,
    parentId: row.parent_id ?? undefined,
    role: roleOf(row.role),
    depth: row.depth,
    key: decodeKey(row.key),
    policy: policyOf(row.policy),
    trigger: triggerOf(row.trigger),
    asResult: row.as_result,
    pendingChildren: row.pending_children ?? 0,
    pendingHeirs: row.pending_heirs ?? 0,
    cancelRequested: row.cancel !== 0 && !isTerminal,
    schemaId: row.schema_id,
    payloadBytes: row.payload_bytes,
    principal: row.principal,
    requestId: row.request_id ?? undefined,
    errorFingerprint: row.fingerprint ?? undefined,
  };
}

export function detailOf(row: DetailRow): JobDetail {
  const summary = summaryOf(row);
  return {
    ...summary,
    payload: { type: summary.type, bytes: row.payload ?? new Uint8Array() },
    result: resultOf(row),
    metadata: metadataOf(row.metadata),
    ...attemptsOf(row),
    progress: progressOf(row),
  };
}

/** Its own result, or that of the heir which stands in for it. */
function resultOf(row: Pick<DetailRow, "result_type" | "result">): TypedBytes | undefined {
  const { result_type: type, result: bytes } = row;
  return type === null || bytes === null ? undefined : { type, bytes };
}

function progressOf({ progress_attempt: attempt, progress_at: at, progress: bytes }: DetailRow): JobDetail["progress"] {
  return attempt === null || at === null || bytes === null ? undefined : { attempt, bytes, at };
}

/** A job's history as it is shown: the first 20 and the last 20, the running one last. */
function attemptsOf(row: DetailRow): Pick<JobDetail, "attempts" | "attemptsOmitted"> {
  const ended = (row.attempts ?? []).map(recordOf);
  const newest = ended.at(-1)?.number === row.attempt ? undefined : newestOf(row);
  const all = newest === undefined ? ended : [...ended, newest];
  const lastFrom = row.attempt - limits.attemptsKeptLast;
  const attempts = all.filter(({ number }) => number <= limits.attemptsKeptFirst || number > lastFrom);
  return { attempts, attemptsOmitted: row.attempt - attempts.length };
}

/** The newest attempt when it runs or went well: the job's own row says all of it. */
function newestOf(row: DetailRow): AttemptRecord | undefined {
  if (row.attempt === 0) return undefined;
  const isRunning = row.state === State.RUNNING;
  return {
    number: row.attempt,
    outcome: isRunning ? undefined : recordedOf(row.recorded),
    sessionId: row.session_id ?? "",
    worker: row.worker ?? "",
    claimedAt: row.claimed_at ?? 0,
    endedAt: isRunning ? undefined : (row.ran_at ?? undefined),
    error: undefined,
    epoch: row.epoch,
  };
}

function recordOf([number, outcome, sessionId, worker, claimedAt, endedAt, epoch, error]: AttemptRow): AttemptRecord {
  return {
    number,
    outcome: recordedOf(outcome),
    sessionId,
    worker,
    claimedAt,
    endedAt,
    error: errorOf(error),
    epoch,
  };
}

/** From the column of an attempt. */
export function errorOf(text: string | null): JobError | undefined {
  // Written from a JobError alone, as text: it may hold what PostgreSQL's own JSON cannot.
  return text === null ? undefined : (JSON.parse(text) as JobError);
}

/** From its column, which holds what was checked before. */
function metadataOf(text: string | null): Readonly<Record<string, string>> {
  return text === null ? {} : (JSON.parse(text) as Record<string, string>);
}

/** From the column of a job or a queue, written from a policy alone. */
export function parseBackoff(text: string | null): BackoffPolicy | undefined {
  return text === null ? undefined : (JSON.parse(text) as BackoffPolicy);
}
