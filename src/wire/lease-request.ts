import type { LeaseJobsRequest } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { limits } from "../core/limits.ts";
import { type LeaseId, parsePrintable, type SessionId } from "../core/names.ts";
import { checkCount, type Subscription, subscriptionsFromWire, workerNameFromWire } from "./hello.ts";
import { leaseIdsFromWire } from "./lease-id.ts";
import { checkedDurationMs } from "./time.ts";

/** What a call of LeaseJobs asks for. */
export interface LeaseRequest {
  /** Undefined: a new one. */
  readonly sessionId: SessionId | undefined;
  readonly requestId: string;
  readonly worker: string;
  readonly subscriptions: readonly Subscription[];
  readonly jobsMax: number;
  readonly bytesMax: number;
  readonly waitMs: number;
  readonly held: readonly LeaseId[];
}

const jobsMax = 1_000;
/** With what a lease has beside its payload, an answer stays below the largest frame. */
const bytesMax = 3 * 1024 * 1024;
const waitMsMax = 60_000;

/** INVALID_OPTION or INVALID_NAME with the field's path. */
export function leaseRequestFromWire(request: LeaseJobsRequest): LeaseRequest {
  checkCount(request.maxJobs, 1, jobsMax, "max_jobs");
  const { maxBytes, wait } = request;
  return {
    sessionId: request.sessionId === "" ? undefined : sessionIdFromWire(request.sessionId),
    requestId: parsePrintable(request.requestId, "request_id", "a request id"),
    worker: workerNameFromWire(request.worker, "worker"),
    subscriptions: subscriptionsFromWire(request.subscriptions, "subscriptions"),
    jobsMax: request.maxJobs,
    bytesMax: maxBytes === 0n || maxBytes > BigInt(bytesMax) ? bytesMax : Number(maxBytes),
    waitMs: wait === undefined ? 0 : checkedDurationMs(wait, { path: "wait", msMax: waitMsMax }),
    held: heldFromWire(request.heldLeaseIds),
  };
}

/** Leases in the hands of a caller, each once. */
export function heldFromWire(leaseIds: readonly string[]): readonly LeaseId[] {
  checkCount(leaseIds.length, 0, limits.windowJobsMax, "held_lease_ids");
  return [...new Set(leaseIdsFromWire(leaseIds, "held_lease_ids"))];
}

/** 1 to 128 printable ASCII characters; INVALID_NAME. */
export function sessionIdFromWire(text: string): SessionId {
  return parsePrintable(text, "session_id", "a session id") as SessionId;
}
