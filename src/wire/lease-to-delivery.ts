import type { Delivery } from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { JobRole, TypedBytes } from "../core/job.ts";
import { roleToWire } from "./enums.ts";
import { typedBytesToAny } from "./payload.ts";
import { msToDuration, msToTimestamp } from "./time.ts";

/** What of a lease a worker gets; a store's lease is one. Spans in ms, times in ms since the epoch. */
export interface DeliveredLease {
  readonly leaseId: string;
  readonly jobId: string;
  readonly payload: TypedBytes;
  readonly queue: string;
  readonly attempt: number;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly failureCount: number;
  readonly priority: number;
  readonly rootId: string;
  readonly parentId: string | undefined;
  readonly role: JobRole;
  readonly depth: number;
  readonly key: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: number;
}

/** A leased job for the hot path: a literal with every field, which encodes without a walk over the descriptor first. */
export function leaseToDelivery(lease: DeliveredLease): Delivery {
  return {
    $typeName: "conveyor.v1.Delivery",
    leaseId: lease.leaseId,
    jobId: lease.jobId,
    payload: typedBytesToAny(lease.payload),
    queue: lease.queue,
    attempt: lease.attempt,
    timeout: msToDuration(lease.timeoutMs),
    rootId: lease.rootId,
    parentId: lease.parentId ?? "",
    role: roleToWire[lease.role],
    priority: lease.priority,
    metadata: lease.metadata,
    createTime: msToTimestamp(lease.createdAt),
    maxAttempts: lease.maxAttempts,
    failureCount: lease.failureCount,
    depth: lease.depth,
    key: lease.key,
  };
}
