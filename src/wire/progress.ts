import { type JsonObject, toBinary } from "@bufbuild/protobuf";
import { type JobProgress, JobProgressSchema } from "../../gen/conveyor/v1/job_pb.ts";
import type { ProgressReport } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { limits } from "../core/limits.ts";
import type { LeaseId } from "../core/names.ts";
import { invalidField } from "./invalid-field.ts";
import { leaseIdFromWire } from "./lease-id.ts";

/** A report as it is kept: the bytes of a JobProgress without what the broker adds. FRAME_INVALID or INVALID_NAME for one that is none. */
export function progressFromWire(
  { leaseId, progress }: ProgressReport,
  path: string,
): { readonly leaseId: LeaseId; readonly bytes: Uint8Array } {
  const at = `${path}.progress`;
  const id = leaseIdFromWire(leaseId, `${path}.lease_id`);
  if (progress === undefined) throw invalidField("FRAME_INVALID", at, "it must be set");
  const { fraction } = progress;
  if (fraction !== undefined && !(fraction >= 0 && fraction <= 1)) {
    throw invalidField("FRAME_INVALID", `${at}.fraction`, `it must be 0 to 1, got ${fraction}`);
  }
  const bytes = progressBytes(progress);
  if (bytes.length > limits.progressBytesMax) {
    const problem = `it has ${bytes.length} bytes, at most ${limits.progressBytesMax} are taken`;
    throw invalidField("FRAME_INVALID", at, problem);
  }
  return { leaseId: id, bytes };
}

/** What is kept of a progress. */
export function progressBytes(progress: {
  readonly fraction?: number | undefined;
  readonly message: string;
  readonly details?: JsonObject | undefined;
}): Uint8Array {
  const { fraction, message, details } = progress;
  const kept: JobProgress = { $typeName: "conveyor.v1.JobProgress", message, attempt: 0 };
  if (fraction !== undefined) kept.fraction = fraction;
  if (details !== undefined) kept.details = details;
  return toBinary(JobProgressSchema, kept);
}
