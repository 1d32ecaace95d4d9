import type { Delivery } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError, type ErrorCode } from "../core/errors.ts";
import { durationToMs } from "../wire/time.ts";

/** The handler ran longer than its time-out. */
export function timedOut(delivery: Delivery): ConveyorError {
  const ms = delivery.timeout === undefined ? 0 : durationToMs(delivery.timeout);
  const advice = "give the job or its type a longer timeout, or split the work";
  return reason(
    "TIMED_OUT",
    delivery,
    `attempt ${delivery.attempt} ran longer than its time-out of ${ms} ms; ${advice}`,
  );
}

/** The broker asked for the handler to stop, `why` in one word such as SIBLING_FAILED: also in the details' metadata. */
export function cancelled(delivery: Delivery, why: string): ConveyorError {
  const code = why === "TIMED_OUT" ? "TIMED_OUT" : "ABORTED";
  return reason(code, delivery, `job ${delivery.jobId} was asked to stop: ${why}`, { reason: why });
}

/** The lease is no longer the worker's. */
export function lost(delivery: Delivery, why: string): ConveyorError {
  return reason("LEASE_LOST", delivery, `the lease of job ${delivery.jobId} was lost: ${why}`);
}

/** The worker stops and does not wait any longer. */
export function stopping(delivery: Delivery, why: string): ConveyorError {
  return reason("CLOSED", delivery, `the worker stops before job ${delivery.jobId} ended: ${why}`);
}

function reason(
  code: ErrorCode,
  { jobId }: Delivery,
  message: string,
  metadata?: Readonly<Record<string, string>>,
): ConveyorError {
  const resource = { type: "job", name: jobId } as const;
  return new ConveyorError(code, message, { details: metadata === undefined ? { resource } : { resource, metadata } });
}
