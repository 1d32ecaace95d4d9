import type { ServerDefaults } from "../../core/job.ts";
import type { JobId, LeaseId, QueueName, TypeName } from "../../core/names.ts";
import { roleOf } from "../codes.ts";
import type { ClaimAnswer, ClaimItem, Lease } from "../commit.ts";
import { decodeKey } from "./key-text.ts";

/** A lease as the function leases_of answers it; null stands for what a plain job has. */
export type LeaseTuple = readonly [
  seq: number,
  jobId: JobId,
  lane: number,
  attempt: number,
  failureCount: number,
  negPriority: number,
  createdAt: number,
  payloadBytes: number,
  more:
    | readonly [
        parentId: JobId | null,
        rootId: JobId | null,
        role: number,
        depth: number,
        key: string | null,
        metadata: string | null,
        maxAttempts: number | null,
        timeoutMs: number | null,
      ]
    | null,
];

/** Lanes by number, with what their queues set. */
export type LanesById = Readonly<
  Record<string, readonly [queue: QueueName, type: TypeName, maxAttempts: number | null, timeoutMs: number | null]>
>;

interface Claimed {
  /** Per claim; null: its session is gone. */
  readonly counts: readonly (number | null)[];
  readonly leases: readonly LeaseTuple[] | null;
  readonly lanes: LanesById | null;
  readonly payloads: Uint8Array | null;
  readonly defaults: ServerDefaults;
}

const plain: NonNullable<LeaseTuple[8]> = [null, null, 0, 0, null, null, null, null];

/** Hands the leases, which come in one list with their payloads end to end, to the claims that made them. */
export function decodeClaims(claims: readonly ClaimItem[], claimed: Claimed): readonly ClaimAnswer[] {
  const leases = claimed.leases ?? [];
  const payloads = claimed.payloads ?? new Uint8Array();
  let next = 0;
  let offset = 0;
  return claims.map(({ nonce }, index) => {
    const count = claimed.counts[index] ?? null;
    if (count === null) return { kind: "gone" };
    const own = leases.slice(next, next + count);
    next += count;
    return {
      kind: "claimed",
      leases: own.map((tuple) => {
        const bytes = payloads.subarray(offset, offset + tuple[7]);
        offset += tuple[7];
        return decodeLease(tuple, { nonce, bytes, claimed });
      }),
    };
  });
}

function decodeLease(
  [seq, jobId, laneId, attempt, failureCount, negPriority, createdAt, , more]: LeaseTuple,
  { nonce, bytes, claimed }: { readonly nonce: string; readonly bytes: Uint8Array; readonly claimed: Claimed },
): Lease {
  const lane = claimed.lanes?.[laneId];
  if (lane === undefined) throw new Error(`the store knows no lane ${laneId}`);
  const [queue, type, queueMaxAttempts, queueTimeoutMs] = lane;
  const [parentId, rootId, role, depth, key, metadata, maxAttempts, timeoutMs] = more ?? plain;
  return {
    // As the function lease_jobs writes it.
    leaseId: `${seq}.${nonce}` as LeaseId,
    jobId,
    payload: { type, bytes },
    queue,
    attempt,
    timeoutMs: timeoutMs ?? queueTimeoutMs ?? claimed.defaults.timeoutMs,
    maxAttempts: maxAttempts ?? queueMaxAttempts ?? claimed.defaults.maxAttempts,
    failureCount,
    priority: 0 - negPriority,
    rootId: rootId ?? jobId,
    parentId: parentId ?? undefined,
    role: roleOf(role),
    depth,
    key: decodeKey(key),
    // Written by encode-job.ts alone.
    metadata: metadata === null ? {} : (JSON.parse(metadata) as Lease["metadata"]),
    createdAt,
  };
}
