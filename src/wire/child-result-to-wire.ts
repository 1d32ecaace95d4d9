import type { ChildResult } from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { EndReason, JobError, JobState, TypedBytes } from "../core/job.ts";
import { stateToWire } from "./enums.ts";
import { typedBytesToAny } from "./payload.ts";
import { jobErrorToWire } from "./result-to-outcome.ts";

/** What came of a child; a store's record is one. */
export interface EndedChild {
  readonly jobId: string;
  readonly type: string;
  readonly key: string;
  readonly state: JobState;
  readonly reason: EndReason | undefined;
  readonly result: TypedBytes | undefined;
  readonly error: JobError | undefined;
}

export function childResultToWire(child: EndedChild): ChildResult {
  return {
    $typeName: "conveyor.v1.ChildResult",
    jobId: child.jobId,
    type: child.type,
    key: child.key,
    state: stateToWire[child.state],
    reason: child.reason ?? "",
    result: child.result && typedBytesToAny(child.result),
    error: child.error && jobErrorToWire(child.error),
  };
}
