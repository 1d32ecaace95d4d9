import { JobView } from "../../gen/conveyor/v1/job_pb.ts";
import type { JobFilter as WireJobFilter } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { ListChildResultsRequest } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { isTerminal, type JobState, jobStates } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import {
  type JobId,
  type LeaseId,
  parseJobId,
  parsePrintable,
  parseQueueName,
  parseTypeName,
  type QueueName,
  type TypeName,
} from "../core/names.ts";
import { stateFromWire, stateToWire } from "./enums.ts";
import { invalidField } from "./invalid-field.ts";
import { leaseIdFromWire } from "./lease-id.ts";

/** What of the jobs is wanted; a store's filter. */
export interface JobFilter {
  readonly rootId: JobId | undefined;
  readonly parentId: JobId | undefined;
  readonly queue: QueueName | undefined;
  readonly type: TypeName | undefined;
  readonly states: readonly JobState[];
  readonly includeChainFailed: boolean;
  readonly errorFingerprint: string | undefined;
}

/** The filter of a list of jobs, or of a call about many; INVALID_NAME or INVALID_OPTION with the field's path, which `path` begins. */
export function jobFilterFromWire(from: Omit<WireJobFilter, "$typeName">, path = ""): JobFilter {
  const { rootId, parentId, queue, type, errorFingerprint } = from;
  const states = [...new Set(from.states.map((state, index) => stateOf(state, `${path}states[${index}]`)))];
  return {
    rootId: rootId === "" ? undefined : parseJobId(rootId, `${path}root_id`),
    parentId: parentId === "" ? undefined : parseJobId(parentId, `${path}parent_id`),
    queue: queue === "" ? undefined : parseQueueName(queue, `${path}queue`),
    type: type === "" ? undefined : parseTypeName(type, `${path}type`),
    states,
    // CHAIN_FAILED jobs are left out of a filter on DEAD alone.
    includeChainFailed: from.includeChainFailed || states.length === 0 || states.some((state) => state !== "DEAD"),
    errorFingerprint:
      errorFingerprint === ""
        ? undefined
        : parsePrintable(errorFingerprint, `${path}error_fingerprint`, "an error fingerprint"),
  };
}

/** What is done to many jobs in one call. */
export type BulkVerb = "cancel" | "retry" | "delete";

const bulkStates: Readonly<Record<BulkVerb, readonly JobState[]>> = {
  /** Jobs that have ended are left out. */
  cancel: jobStates.filter((state) => !isTerminal(state)),
  retry: jobStates,
  delete: jobStates.filter(isTerminal),
};

/**
 * The filter of a call about many jobs: of the states that it names those that the verb is for; when it names none, all of them, to
 * retry the dead ones. Undefined: no job can match. INVALID_OPTION also for a filter in which nothing is set.
 */
export function bulkFilterFromWire(from: WireJobFilter | undefined, verb: BulkVerb): JobFilter | undefined {
  if (from === undefined || isEmpty(from)) {
    throw invalidField("INVALID_OPTION", "filter", `it must say which jobs; one that is empty would ${verb} them all`);
  }
  const asked = from.states.length === 0 && verb === "retry" ? { ...from, states: [stateToWire.DEAD] } : from;
  const filter = jobFilterFromWire(asked, "filter.");
  const named = filter.states.length === 0 ? jobStates : filter.states;
  const states = named.filter((state) => bulkStates[verb].includes(state));
  return states.length === 0 ? undefined : { ...filter, states };
}

function isEmpty({ rootId, parentId, queue, type, states, errorFingerprint }: WireJobFilter): boolean {
  return states.length === 0 && [rootId, parentId, queue, type, errorFingerprint].every((text) => text === "");
}

export interface ChildResultsQuery {
  readonly leaseId: LeaseId;
  readonly type: TypeName | undefined;
  readonly completedOnly: boolean;
}

/** The filter of a list of child results. */
export function childResultsQueryFromWire(request: ListChildResultsRequest): ChildResultsQuery {
  return {
    leaseId: leaseIdFromWire(request.leaseId, "lease_id"),
    type: request.type === "" ? undefined : parseTypeName(request.type, "type"),
    completedOnly: request.completedOnly,
  };
}

/** A page's size: `unset` when 0, INVALID_OPTION unless 1 to 1,000. */
export function pageSizeFromWire(size: number, unset: number): number {
  if (size === 0) return unset;
  if (size >= 1 && size <= limits.pageSizeMax) return size;
  throw invalidField("INVALID_OPTION", "page_size", `it must be 1 to ${limits.pageSizeMax}, got ${size}`);
}

/** How much of a job is wanted. */
export type View = "BASIC" | "FULL";

/** A view; `unset` when the request names none. */
export function viewFromWire(view: JobView, unset: View): View {
  if (view === JobView.UNSPECIFIED) return unset;
  if (view === JobView.BASIC) return "BASIC";
  if (view === JobView.FULL) return "FULL";
  throw invalidField("INVALID_OPTION", "view", `${view} is no view; known are 1 (BASIC) and 2 (FULL)`);
}

function stateOf(state: number, path: string): JobState {
  const word = stateFromWire(state, path);
  if (word) return word;
  throw invalidField("INVALID_OPTION", path, "it must be set");
}
