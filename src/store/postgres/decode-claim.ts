import type { ServerDefaults } from "../../core/job.ts";
import type { JobId, LeaseId, QueueName, TypeName } from "../../core/names.ts";
import type { ClaimAnswer, ClaimItem, Lease } from "../store.ts";
import { roleOf } from "./codes.ts";
import { decodeKey } from "./key-text.ts";

/** A lease as the function leases_of answers it. */
export type LeaseTuple = readonly [
  seq: number,
  jobId: JobId,
  queue: QueueName,
  type: TypeName,
  attempt: number,
  failureCount: number,
  negPriority: number,
  parentId: JobId | null,
  rootId: JobId | null,
  role: number,
  depth: number,
  key: string | null,
  createdAt: number,
  payloadBytes: number,
  metadata: string | null,
  maxAttempts: number | null,
  timeoutMs: number | null,
];

/** Hands the leases, which come in one list with their payloads end to end, to the claims that made them. */
export function decodeClaims(
  claims: readonly ClaimItem[],
  answer: {
    /** Per claim; null: its session is gone. */
    readonly counts: readonly (number | null)[];
    readonly leases: readonly LeaseTuple[] | null;
    readonly payloads: Uint8Array | null;
    readonly defaults: ServerDefaults;
  },
): readonly ClaimAnswer[] {
  const { counts, defaults } = answer;
  const leases = answer.leases ?? [];
  const payloads = answer.payloads ?? new Uint8Array();
  let next = 0;
  let offset = 0;
  return claims.map(({ nonce }, index) => {
    const count = counts[index] ?? null;
    if (count === null) return { kind: "gone" };
    const own = leases.slice(next, next + count);
    next += count;
    return {
      kind: "claimed",
      leases: own.map((tuple) => {
        const bytes = payloads.subarray(offset, offset + tuple[13]);
        offset += tuple[13];
        return decodeLease(tuple, { nonce, bytes, defaults });
      }),
    };
  });
}

function decodeLease(
  tuple: LeaseTuple,
  { nonce, bytes, defaults }: { readonly nonce: string; readonly bytes: Uint8Array; readonly defaults: ServerDefaults },
): Lease {
  const [seq, jobId, queue, type, attempt, failureCount, negPriority, parentId, rootId, role, depth, key] = tuple;
  const [, , , , , , , , , , , , createdAt, , metadata, maxAttempts, timeoutMs] = tuple;
  return {
    // As the function lease_jobs writes it.
    leaseId: `${seq}.${nonce}` as LeaseId,
    jobId,
    payload: { type, bytes },
    queue,
    attempt,
    timeoutMs: timeoutMs ?? defaults.timeoutMs,
    maxAttempts: maxAttempts ?? defaults.maxAttempts,
    failureCount,
    priority: 0 - negPriority,
    rootId: rootId ?? jobId,
    parentId: parentId ?? undefined,
    role: roleOf(role),
    depth,
    key: decodeKey(key),
    metadata: metadata === null ? {} : (JSON.parse(metadata) as Lease["metadata"]), // written by encode-job.ts alone
    createdAt,
  };
}
