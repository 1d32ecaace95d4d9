import type { Capacity, Heartbeat } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { limits } from "../core/limits.ts";
import type { LeaseId } from "../core/names.ts";
import { invalidField } from "./invalid-field.ts";
import { leaseIdsFromWire } from "./lease-id.ts";

/** How much may be in a worker's hands. */
export interface Window {
  readonly seq: bigint;
  /** 0 pauses. */
  readonly jobsMax: number;
  /** Payload bytes; Infinity: no bound. */
  readonly bytesMax: number;
}

/** What a worker believes it holds. */
export interface WorkerReport {
  readonly seq: bigint;
  readonly receivedThrough: bigint;
  readonly held: readonly LeaseId[];
  readonly buffered: readonly LeaseId[];
}

/** A window; INVALID_OPTION above 10,000 jobs. */
export function windowFromWire(capacity: Capacity, path = "capacity"): Window {
  const { seq, maxInFlight, maxBytes } = capacity;
  if (maxInFlight > limits.windowJobsMax) {
    throw invalidField(
      "INVALID_OPTION",
      `${path}.max_in_flight`,
      `it must be 0 to ${limits.windowJobsMax}, got ${maxInFlight}`,
    );
  }
  return { seq, jobsMax: maxInFlight, bytesMax: maxBytes === 0n ? Number.POSITIVE_INFINITY : Number(maxBytes) };
}

/** A heartbeat; INVALID_NAME for a lease id that cannot be one. */
export function heartbeatFromWire(heartbeat: Heartbeat, path = "heartbeat"): WorkerReport {
  return {
    seq: heartbeat.seq,
    receivedThrough: heartbeat.receivedThrough,
    held: leaseIdsFromWire(heartbeat.heldLeaseIds, `${path}.held_lease_ids`),
    buffered: leaseIdsFromWire(heartbeat.bufferedLeaseIds, `${path}.buffered_lease_ids`),
  };
}
