import type { JobDetail, JobSummary, ProgressRecord, TypedBytes } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { holdOf, isTerminalCode, policyOf, reasonOf, roleOf, stateOf, triggerOf } from "../codes.ts";
import { attemptsOf } from "./attempts.ts";
import type { JobRow } from "./job-row.ts";
import { parseBackoff } from "./queue-row.ts";
import type { Reading } from "./transactions.ts";

/** A job's row with what its summary takes from other rows. */
export interface SummaryRow extends JobRow {
  readonly updated_at: number;
  readonly version: number;
  readonly position: number;
  readonly key: string | null;
  readonly as_result: number;
  readonly schema_id: number;
  readonly principal: number;
  readonly request_id: string | null;
  readonly payload_bytes: number;
  readonly parent_id: JobId | null;
  readonly root_id: JobId | null;
  readonly pending_children: number | null;
  readonly pending_heirs: number | null;
  readonly children_not_ok: number | null;
  readonly heirs_not_ok: number | null;
  readonly judged: number | null;
  readonly reviving: number | null;
}

/** Begin of every statement that selects `SummaryRow`: conditions on `j` follow. */
export const summaryColumns = `
  j.seq, j.id, j.lane, j.state, j.hold, j.neg_priority, j.run_at, j.delay_ms, j.start_at, j.created_at, j.updated_at, j.version,
  j.epoch, j.attempt, j.failure_count, j.crash_count, j.snooze_count, j.release_count, j.lease, j.session, j.claimed_at,
  j.sent, j.recorded, j.problem, j.run, j.ran_at, j.finished_at, j.cancel, j.cancel_heirs, j.reason, j.parent, j.root, j.role, j.depth,
  j.position, j.key, j.policy, j.trigger, j.as_result, j.edge_flipped, j.propagate_due, j.below, j.staged, j.max_attempts,
  j.timeout_ms, j.backoff, j.schema_id, j.principal, j.request_id, j.payload_bytes, j.fingerprint, j.result_of,
  p.id AS parent_id, r.id AS root_id,
  b.pending_children, b.pending_heirs, b.children_not_ok, b.heirs_not_ok, b.judged, b.reviving`;

export const summaryJoins = `
  LEFT JOIN barrier b ON b.seq = j.seq LEFT JOIN job p ON p.seq = j.parent LEFT JOIN job r ON r.seq = j.root`;

const selectById = `SELECT ${summaryColumns} FROM job j ${summaryJoins} WHERE j.id = ''||?`;
const selectPayload = "SELECT bytes, metadata FROM payload WHERE seq = ?";
const selectProgress = "SELECT attempt, bytes, at FROM progress WHERE seq = ?";
const selectResult = "SELECT result_type, result FROM job WHERE seq = ?";

export function getJob(reading: Reading, id: JobId): JobDetail | undefined {
  const row = reading.sql.row<SummaryRow>(selectById, id);
  return row === undefined ? undefined : detailOf(reading, row);
}

export function summaryOf(reading: Reading, row: SummaryRow): JobSummary {
  const { queue, type } = reading.mirror.lane(row.lane);
  const isTerminal = isTerminalCode(row.state);
  return {
    id: row.id,
    type,
    queue,
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
    key: row.key ?? "",
    policy: policyOf(row.policy),
    trigger: triggerOf(row.trigger),
    asResult: row.as_result === 1,
    pendingChildren: row.pending_children ?? 0,
    pendingHeirs: row.pending_heirs ?? 0,
    cancelRequested: row.cancel !== 0 && !isTerminal,
    schemaId: reading.mirror.textOf(row.schema_id),
    payloadBytes: row.payload_bytes,
    principal: reading.mirror.textOf(row.principal),
    requestId: row.request_id ?? undefined,
    errorFingerprint: row.fingerprint ?? undefined,
  };
}

export function detailOf(reading: Reading, row: SummaryRow): JobDetail {
  const summary = summaryOf(reading, row);
  const [bytes = new Uint8Array(), metadata = null] =
    reading.sql.tuple<[Uint8Array, string | null]>(selectPayload, row.seq) ?? [];
  return {
    ...summary,
    payload: { type: summary.type, bytes },
    result: resultOf(reading, row),
    metadata: metadataOf(metadata),
    ...attemptsOf(reading, row),
    progress: progressOf(reading, row.seq),
  };
}

function progressOf(reading: Reading, seq: number): ProgressRecord | undefined {
  const [attempt, bytes, at] = reading.sql.tuple<[number, Uint8Array, number]>(selectProgress, seq) ?? [];
  return attempt === undefined || bytes === undefined || at === undefined ? undefined : { attempt, bytes, at };
}

/** Its own result, or that of the heir which stands in for it. */
export function resultOf(reading: Reading, row: Pick<JobRow, "seq" | "result_of">): TypedBytes | undefined {
  const seq = row.result_of ?? row.seq;
  const [type, bytes] = reading.sql.tuple<[number | null, Uint8Array | null]>(selectResult, seq) ?? [];
  if (type === undefined || type === null || bytes === undefined || bytes === null) return undefined;
  return { type: reading.mirror.textOf(type) as TypedBytes["type"], bytes };
}

/** Metadata from its column, which metadataText alone writes. */
export function metadataOf(text: string | null): Readonly<Record<string, string>> {
  return text === null ? {} : (JSON.parse(text) as Record<string, string>);
}
