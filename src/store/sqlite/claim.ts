import type { JobId } from "../../core/names.ts";
import type { ClaimAnswer, ClaimItem, Lease } from "../store.ts";
import { roleOf, State } from "./codes.ts";
import { optionsOf } from "./end-lease.ts";
import { metadataOf } from "./job-record.ts";
import { leaseIdOf } from "./lease-id.ts";
import type { KnownLane } from "./mirror.ts";
import { liveSession } from "./session-row.ts";
import { count, countOf, type Step } from "./step.ts";

/** A ready job with all that its lease says. */
type ReadyRow = readonly [
  seq: number,
  id: JobId,
  attempt: number,
  failureCount: number,
  negPriority: number,
  parent: number | null,
  root: number | null,
  role: number,
  depth: number,
  key: string | null,
  createdAt: number,
  maxAttempts: number | null,
  timeoutMs: number | null,
  backoff: string | null,
  payloadBytes: number,
  bytes: Uint8Array,
  metadata: string | null,
];

const readyColumns = `
  job.seq, id, attempt, failure_count, neg_priority, parent, root, role, depth, key, created_at,
  max_attempts, timeout_ms, backoff, payload_bytes, bytes, metadata`;

// The index is named, so that no statistics ever make the planner scan: a test holds the plans.
const selectFirst = `
  SELECT ${readyColumns} FROM job INDEXED BY job_ready CROSS JOIN payload ON payload.seq = job.seq
  WHERE lane = ?+0 AND state = ${State.READY}
  ORDER BY neg_priority, run_at, job.seq LIMIT ?+0`;

const selectPlaces = `
  SELECT seq, neg_priority, run_at FROM job INDEXED BY job_ready
  WHERE lane = ?+0 AND state = ${State.READY}
  ORDER BY neg_priority, run_at, seq LIMIT ?+0`;

const selectOne = `
  SELECT ${readyColumns} FROM job CROSS JOIN payload ON payload.seq = job.seq WHERE job.seq = ?+0`;

const takeLease = `
  UPDATE job SET
    state = ${State.RUNNING}, attempt = attempt + 1, lease = ?, session = ?, claimed_at = ?, updated_at = ?,
    version = version + 1, sent = 0, recorded = 0, problem = NULL
  WHERE seq = ? AND state = ${State.READY}`;

const selectId = "SELECT id FROM job WHERE seq = ?";

/** Leases ready jobs to a session: the asked queues in turn, each in the order priority, run time, insertion. */
export function claim(step: Step, item: ClaimItem): ClaimAnswer {
  const session = liveSession(step, item);
  if (session === undefined) return { kind: "gone" };
  const leases: Lease[] = [];
  const by = { session: session.seq, nonce: item.nonce, ids: new Map<number, JobId>() };
  let bytes = 0;
  for (const { queue, types, jobsMax } of item.lanes) {
    const most = Math.min(jobsMax, item.jobsMax - leases.length, roomOf(step, queue), claimMax);
    for (const { row, lane } of readyJobs(step, lanesOf(step, queue, types), most)) {
      bytes += row[14];
      if (leases.length > 0 && bytes > item.bytesMax) return { kind: "claimed", leases };
      if (take(step, row, { ...by, lane })) leases.push(leaseOf(step, row, { ...by, lane }));
    }
  }
  return { kind: "claimed", leases };
}

/** How many more jobs of the queue may run. */
function roomOf(step: Step, queue: ClaimItem["lanes"][number]["queue"]): number {
  const settings = step.mirror.settingsOf(queue);
  if (settings === undefined) return Number.POSITIVE_INFINITY;
  if (settings.paused) return 0;
  if (settings.maxConcurrency === undefined) return Number.POSITIVE_INFINITY;
  let running = 0;
  for (const lane of step.mirror.lanesOf(queue)?.values() ?? []) running += countOf(step, lane.id, State.RUNNING);
  return Math.max(0, settings.maxConcurrency - running);
}

/** The asked lanes that may hold ready jobs, each once. */
function lanesOf(step: Step, queue: Lease["queue"], types: readonly string[]): KnownLane[] {
  const known = step.mirror.lanesOf(queue);
  if (known === undefined) return [];
  const asked = new Set(types.map((type) => known.get(type)).filter((lane) => lane !== undefined));
  return [...asked].filter((lane) => step.mirror.ready.has(lane.id));
}

/** Bounds what one claim takes from one queue, whatever is asked. */
const claimMax = 10_000;
/** Bounds the payloads that are read and then not wanted. */
const chunkRows = 64;

interface ReadyJob {
  readonly row: ReadyRow;
  readonly lane: KnownLane;
}

/** The first `most` ready jobs of the lanes together. Each must be taken before the next is asked for. */
function* readyJobs(step: Step, lanes: readonly KnownLane[], most: number): Iterable<ReadyJob> {
  const [only] = lanes;
  if (only === undefined || most <= 0) return;
  if (lanes.length > 1) {
    yield* readyJobsOfMany(step, lanes, most);
    return;
  }
  for (let left = most; left > 0; left -= chunkRows) {
    const limit = Math.min(left, chunkRows);
    const rows = step.sql.tuples<ReadyRow>(selectFirst, only.id, limit);
    for (const row of rows) yield { row, lane: only };
    if (rows.length < limit) {
      if (rows.length === 0) empty(step, only);
      return;
    }
  }
}

/** Merges the lanes by their places, and reads only the jobs that are wanted. */
function* readyJobsOfMany(step: Step, lanes: readonly KnownLane[], most: number): Iterable<ReadyJob> {
  const places = lanes.flatMap((lane) => {
    const rows = step.sql.tuples<[number, number, number]>(selectPlaces, lane.id, most);
    if (rows.length === 0) empty(step, lane);
    return rows.map(([seq, negPriority, runAt]) => ({ seq, negPriority, runAt, lane }));
  });
  places.sort((one, two) => one.negPriority - two.negPriority || one.runAt - two.runAt || one.seq - two.seq);
  for (const { seq, lane } of places.slice(0, most)) {
    const row = step.sql.tuple<ReadyRow>(selectOne, seq);
    if (row !== undefined) yield { row, lane };
  }
}

/** Until a job of the lane is ready again no claim looks into it. Forgotten if the transaction fails. */
function empty(step: Step, lane: KnownLane): void {
  step.mirror.ready.delete(lane.id);
}

interface ClaimBy {
  readonly session: number;
  readonly nonce: string;
  readonly lane: KnownLane;
  /** Ids of parents and roots that were looked up. */
  readonly ids: Map<number, JobId>;
}

function take(step: Step, [seq]: ReadyRow, { session, nonce, lane }: ClaimBy): boolean {
  const { changes } = step.sql.object(takeLease).run(leaseIdOf(seq, nonce), session, step.now, step.now, seq);
  if (changes === 0) return false;
  count(step, lane.id, State.READY, -1);
  count(step, lane.id, State.RUNNING, 1);
  return true;
}

function leaseOf(step: Step, row: ReadyRow, { nonce, lane, ids }: ClaimBy): Lease {
  const [seq, jobId, attempt, failureCount, negPriority, parent, root, role, depth, key, createdAt] = row;
  const [, , , , , , , , , , , maxAttempts, timeoutMs, backoff, , bytes, metadata] = row;
  const options = optionsOf(step, { lane: lane.id, max_attempts: maxAttempts, timeout_ms: timeoutMs, backoff });
  return {
    leaseId: leaseIdOf(seq, nonce),
    jobId,
    payload: { type: lane.type, bytes },
    queue: lane.queue,
    attempt: attempt + 1,
    timeoutMs: options.timeoutMs,
    maxAttempts: options.maxAttempts,
    failureCount,
    priority: 0 - negPriority,
    rootId: (root === null ? undefined : idOf(step, root, ids)) ?? jobId,
    parentId: parent === null ? undefined : idOf(step, parent, ids),
    role: roleOf(role),
    depth,
    key: key ?? "",
    metadata: metadataOf(metadata),
    createdAt,
  };
}

/** Siblings share parent and root: each is looked up once a claim. Undefined: it was removed behind the broker's back. */
function idOf(step: Step, seq: number, ids: Map<number, JobId>): JobId | undefined {
  const known = ids.get(seq);
  if (known !== undefined) return known;
  const [id] = step.sql.tuple<[JobId]>(selectId, seq) ?? [];
  if (id !== undefined) ids.set(seq, id);
  return id;
}
