import type { Delivery, Result } from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { AttemptContext } from "./job-context.ts";

/**
 * A lease in the worker's hands: buffered -> running -> ended, and gone when its result was acknowledged. It is dropped from any
 * phase but the last when it is lost; the result of an ended one is sent all the same, and answered with what was stored.
 */
export interface HeldLease {
  readonly id: string;
  readonly delivery: Delivery;
  phase: "buffered" | "running" | "ended" | "dropped";
  /** The broker was told that it is buffered, so it must be told before its handler starts. */
  named: boolean;
  /** Set once its handler runs. */
  running: RunningHandler | undefined;
  /** Set once it has ended; kept until it is acknowledged. */
  result: Result | undefined;
}

interface RunningHandler {
  readonly context: AttemptContext;
  /** On the clock's monotonic scale. */
  readonly startedAt: number;
  /** What it throws from now on is its release: the worker stops. */
  releasing: boolean;
}

export function heldLease(delivery: Delivery): HeldLease {
  return {
    id: delivery.leaseId,
    delivery,
    phase: "buffered",
    named: false,
    running: undefined,
    result: undefined,
  };
}

/** Full name of the delivered job's type; empty when there is none. */
export function typeNameOf({ payload }: Delivery): string {
  return payload === undefined ? "" : payload.typeUrl.slice(payload.typeUrl.lastIndexOf("/") + 1);
}

/** Which attempt this is, for reports. */
export function attemptOf(delivery: Delivery): {
  readonly jobId: string;
  readonly type: string;
  readonly attempt: number;
} {
  return { jobId: delivery.jobId, type: typeNameOf(delivery), attempt: delivery.attempt };
}
