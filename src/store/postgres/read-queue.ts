import type { JobState } from "../../core/job.ts";
import type { QueueName, TypeName } from "../../core/names.ts";
import { stateOf } from "../codes.ts";
import type { QueueRecord } from "../queue.ts";
import type { Connection, Value } from "./connection.ts";
import { parseBackoff } from "./job-record.ts";
import { nowMs } from "./read-job.ts";

interface QueueRow {
  readonly name: QueueName;
  readonly paused: boolean;
  readonly max_concurrency: number | null;
  readonly max_attempts: number | null;
  readonly backoff: string | null;
  readonly timeout_ms: number | null;
  readonly crash_limit: number | null;
  readonly completed_retention_ms: number | null;
  readonly cancelled_retention_ms: number | null;
  readonly dead_retention_ms: number | null;
  readonly counts: readonly (readonly [type: TypeName, state: number, n: number])[] | null;
  readonly oldest_ms: number | null;
}

/** Priorities of one lane that are looked through for the longest-ready job, the highest first. */
const prioritiesMax = 1_000;

/** The kept counters; those that applications wrote within their own transactions stand apart for a while. */
export function selectCounts(schema: string): string {
  return `SELECT lane, state, n FROM ${schema}.counter UNION ALL SELECT lane, state, n FROM ${schema}.counter_apart`;
}

/** Queues with a row, and those whose first jobs still stand apart. */
const selectNamed = (schema: string): string => `
  SELECT name, paused, max_concurrency, max_attempts, backoff, timeout_ms, crash_limit,
    completed_retention_ms, cancelled_retention_ms, dead_retention_ms FROM ${schema}.queue
  UNION ALL
  SELECT DISTINCT l.queue, false, NULL::integer, NULL::integer, NULL, NULL::bigint, NULL::integer, NULL::bigint, NULL::bigint, NULL::bigint
  FROM ${schema}.lane l WHERE NOT l.used AND l.id IN (SELECT c.lane FROM ${schema}.counter_apart c)
    AND NOT EXISTS (SELECT 1 FROM ${schema}.queue q WHERE q.name = l.queue)`;

// One probe a priority: a scan of all ready jobs would not be bounded.
const selectQueues = (schema: string, where: string): string => `
  SELECT q.*,
    (SELECT json_agg(json_build_array(type, state, n)) FROM (
      SELECT l.type, c.state, sum(c.n) AS n FROM ${schema}.lane l JOIN (${selectCounts(schema)}) AS c ON c.lane = l.id
      WHERE l.queue = q.name GROUP BY l.type, c.state HAVING sum(c.n) <> 0) AS counted) AS counts,
    ${nowMs} - (
      WITH RECURSIVE place (lane, neg_priority, nth) AS (
        SELECT l.id, (SELECT r.neg_priority FROM ${schema}.ready r WHERE r.lane = l.id ORDER BY r.neg_priority LIMIT 1), 1
        FROM ${schema}.lane l WHERE l.queue = q.name
        UNION ALL
        SELECT p.lane, (SELECT r.neg_priority FROM ${schema}.ready r
            WHERE r.lane = p.lane AND r.neg_priority > p.neg_priority ORDER BY r.neg_priority LIMIT 1), p.nth + 1
        FROM place p WHERE p.neg_priority IS NOT NULL AND p.nth < ${prioritiesMax})
      SELECT min((SELECT r.run_at FROM ${schema}.ready r
        WHERE r.lane = p.lane AND r.neg_priority = p.neg_priority ORDER BY r.run_at LIMIT 1))
      FROM place p WHERE p.neg_priority IS NOT NULL) AS oldest_ms
  FROM (${selectNamed(schema)}) AS q ${where}`;

export async function getQueue(connection: Connection, name: QueueName): Promise<QueueRecord | undefined> {
  const { schema, read } = connection;
  const [row] = await read<QueueRow>(selectQueues(schema, "WHERE q.name = $2"), [connection.nowMs(), name]);
  return row === undefined ? undefined : recordOf(row);
}

/** All of them, by name. */
export async function getQueues(
  schema: string,
  now: number | null,
  read: <Row>(text: string, values: readonly Value[]) => Promise<readonly Row[]>,
): Promise<readonly QueueRecord[]> {
  const rows = await read<QueueRow>(`${selectQueues(schema, "")} ORDER BY q.name COLLATE "C"`, [now]);
  return rows.map(recordOf);
}

function recordOf(row: QueueRow): QueueRecord {
  return {
    name: row.name,
    settings: {
      paused: row.paused,
      maxConcurrency: row.max_concurrency ?? undefined,
      maxAttempts: row.max_attempts ?? undefined,
      backoff: parseBackoff(row.backoff),
      timeoutMs: row.timeout_ms ?? undefined,
      crashLimit: row.crash_limit ?? undefined,
      completedRetentionMs: row.completed_retention_ms ?? undefined,
      cancelledRetentionMs: row.cancelled_retention_ms ?? undefined,
      deadRetentionMs: row.dead_retention_ms ?? undefined,
    },
    lanes: lanesOf(row),
    oldestWaitMs: row.oldest_ms ?? undefined,
  };
}

function lanesOf({ counts }: QueueRow): QueueRecord["lanes"] {
  const lanes = new Map<TypeName, Partial<Record<JobState, number>>>();
  for (const [type, state, n] of counts ?? []) lanes.set(type, { ...lanes.get(type), [stateOf(state)]: n });
  return [...lanes]
    .map(([type, byState]) => ({ type, counts: byState }))
    .sort((left, right) => (left.type < right.type ? -1 : 1));
}
