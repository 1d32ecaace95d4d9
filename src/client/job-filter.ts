import type { Message } from "@bufbuild/protobuf";
import type { JobFilter as WireFilter } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { JobState } from "../core/job.ts";
import { stateToWire } from "../wire/enums.ts";
import { type AnyJobType, isJobStub } from "../wire/job-stub.ts";
import { wordToWire } from "../wire/word-to-wire.ts";

/** Which jobs; what is set must all match. */
export interface JobFilter {
  readonly rootId?: string | undefined;
  readonly parentId?: string | undefined;
  readonly queue?: string | undefined;
  /** A job type by its full name, its stub or its schema. */
  readonly type?: string | AnyJobType | undefined;
  readonly states?: readonly JobState[] | undefined;
  /** Also dead jobs that only failed for what is below them. */
  readonly includeChainFailed?: boolean | undefined;
  /** Only dead jobs with the error of this fingerprint. */
  readonly errorFingerprint?: string | undefined;
}

/** A filter on the wire; INVALID_OPTION for a state that there is not. */
export function jobFilterToWire(filter: JobFilter): Omit<WireFilter, keyof Message> {
  return {
    rootId: filter.rootId ?? "",
    parentId: filter.parentId ?? "",
    queue: filter.queue ?? "",
    type: typeName(filter.type),
    states: (filter.states ?? []).map((state) => wordToWire(stateToWire, state, "states")),
    includeChainFailed: filter.includeChainFailed ?? false,
    errorFingerprint: filter.errorFingerprint ?? "",
  };
}

function typeName(type: string | AnyJobType = ""): string {
  if (typeof type === "string") return type;
  return isJobStub(type) ? type.name : type.typeName;
}
