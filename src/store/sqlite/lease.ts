import type { JobId } from "../../core/names.ts";
import { roleOf } from "../codes.ts";
import type { Lease } from "../commit.ts";
import { optionsOf } from "./end-lease.ts";
import { metadataOf } from "./job-record.ts";
import { leaseIdOf } from "./lease-id.ts";
import type { KnownLane } from "./mirror.ts";
import type { Step } from "./step.ts";

/** A job with all that its lease says. */
export type LeaseRow = readonly [
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

/** The columns of `LeaseRow`, of `job` joined with `payload`; `attempt` says the number of the lease's attempt. */
export const leaseColumns = (attempt: "attempt" | "attempt + 1"): string => `
  job.seq, id, ${attempt}, failure_count, neg_priority, parent, root, role, depth, key, created_at,
  max_attempts, timeout_ms, backoff, payload_bytes, bytes, metadata`;

const selectId = "SELECT id FROM job WHERE seq = ?";

interface LeaseBy {
  readonly nonce: string;
  readonly lane: KnownLane;
  /** Ids of parents and roots that were looked up. */
  readonly ids: Map<number, JobId>;
}

export function leaseOf(step: Step, row: LeaseRow, { nonce, lane, ids }: LeaseBy): Lease {
  const [seq, jobId, attempt, failureCount, negPriority, parent, root, role, depth, key, createdAt] = row;
  const [, , , , , , , , , , , maxAttempts, timeoutMs, backoff, , bytes, metadata] = row;
  const options = optionsOf(step, { lane: lane.id, max_attempts: maxAttempts, timeout_ms: timeoutMs, backoff });
  return {
    leaseId: leaseIdOf(seq, nonce),
    jobId,
    payload: { type: lane.type, bytes },
    queue: lane.queue,
    attempt,
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
