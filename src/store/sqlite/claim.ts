import type { JobId, LeaseId } from "../../core/names.ts";
import { effectiveOptions } from "../../core/precedence.ts";
import type { ClaimAnswer, ClaimItem, Lease } from "../store.ts";
import { roleOf, State } from "./codes.ts";
import { leaseIdOf } from "./lease-id.ts";
import type { KnownLane } from "./mirror.ts";
import { parseBackoff } from "./queue-row.ts";
import { liveSession } from "./session-row.ts";
import { count, countOf, type Step } from "./step.ts";

type Candidate = readonly [seq: number, negPriority: number, runAt: number, payloadBytes: number, lane: KnownLane];

type ClaimedRow = readonly [
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
  bytes: Uint8Array,
  metadata: string | null,
];

// Named, so that no statistics ever make the planner scan: a test holds the plan.
const selectCandidates = `
  SELECT seq, neg_priority, run_at, payload_bytes FROM job INDEXED BY job_ready
  WHERE lane = ? AND state = ${State.READY}
  ORDER BY neg_priority, run_at, seq LIMIT ?`;

const selectClaimed = `
  SELECT id, attempt, failure_count, neg_priority, parent, root, role, depth, key, created_at,
    max_attempts, timeout_ms, backoff, bytes, metadata
  FROM job JOIN payload ON payload.seq = job.seq WHERE job.seq = ?`;

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
  const ids = new Map<number, JobId>();
  let bytes = 0;
  for (const { queue, types, jobsMax } of item.lanes) {
    const most = Math.min(jobsMax, item.jobsMax - leases.length, roomOf(step, queue));
    for (const candidate of candidatesOf(step, lanesOf(step, queue, types), most)) {
      bytes += candidate[3];
      if (leases.length > 0 && bytes > item.bytesMax) return { kind: "claimed", leases };
      const lease = take(step, candidate, { session: session.seq, nonce: item.nonce, ids });
      if (lease !== undefined) leases.push(lease);
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

/** The first `most` ready jobs of the lanes together. */
function candidatesOf(step: Step, lanes: readonly KnownLane[], most: number): Candidate[] {
  if (most <= 0) return [];
  const limit = Math.min(most, candidatesMax);
  const found: Candidate[] = [];
  for (const lane of lanes) {
    const rows = step.sql.tuples<[number, number, number, number]>(selectCandidates, lane.id, limit);
    // Dropped if the transaction fails: the mirror is read afresh then.
    if (rows.length === 0) step.mirror.ready.delete(lane.id);
    for (const [seq, negPriority, runAt, payloadBytes] of rows) {
      found.push([seq, negPriority, runAt, payloadBytes, lane]);
    }
  }
  if (lanes.length > 1) found.sort((left, right) => left[1] - right[1] || left[2] - right[2] || left[0] - right[0]);
  return found.slice(0, limit);
}

/** Bounds one claim, whatever is asked. */
const candidatesMax = 10_000;

function take(
  step: Step,
  candidate: Candidate,
  by: { readonly session: number; readonly nonce: string; readonly ids: Map<number, JobId> },
): Lease | undefined {
  const [seq, , , , lane] = candidate;
  const row = step.sql.tuple<ClaimedRow>(selectClaimed, seq);
  const leaseId = leaseIdOf(seq, by.nonce);
  if (row === undefined) return undefined;
  if (step.sql.object(takeLease).run(leaseId, by.session, step.now, step.now, seq).changes === 0) return undefined;
  count(step, lane.id, State.READY, -1);
  count(step, lane.id, State.RUNNING, 1);
  return leaseOf(step, { row, leaseId, lane, ids: by.ids });
}

function leaseOf(
  step: Step,
  of: {
    readonly row: ClaimedRow;
    readonly leaseId: LeaseId;
    readonly lane: KnownLane;
    readonly ids: Map<number, JobId>;
  },
): Lease {
  const { row, leaseId, lane, ids } = of;
  const [jobId, attempt, failureCount, negPriority, parent, root, role, depth, key, createdAt] = row;
  const [, , , , , , , , , , maxAttempts, timeoutMs, backoff, bytes, metadata] = row;
  const asked = {
    maxAttempts: maxAttempts ?? undefined,
    timeoutMs: timeoutMs ?? undefined,
    backoff: parseBackoff(backoff),
  };
  const options = effectiveOptions(asked, step.mirror.settingsOf(lane.queue), step.defaults);
  return {
    leaseId,
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
    // Written by metadataText alone.
    metadata: metadata === null ? {} : (JSON.parse(metadata) as Record<string, string>),
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
