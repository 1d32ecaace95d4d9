import { JobView } from "../../gen/conveyor/v1/job_pb.ts";
import type { ListJobsRequest } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { ListChildResultsRequest } from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { JobState } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import {
  type JobId,
  type LeaseId,
  parseJobId,
  parseQueueName,
  parseTypeName,
  type QueueName,
  type TypeName,
} from "../core/names.ts";
import { stateFromWire } from "./enums.ts";
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
}

/** The filter of a list of jobs; INVALID_NAME or INVALID_OPTION with the field's path. */
export function jobFilterFromWire(request: ListJobsRequest): JobFilter {
  return {
    rootId: request.rootId === "" ? undefined : parseJobId(request.rootId, "root_id"),
    parentId: request.parentId === "" ? undefined : parseJobId(request.parentId, "parent_id"),
    queue: request.queue === "" ? undefined : parseQueueName(request.queue, "queue"),
    type: request.type === "" ? undefined : parseTypeName(request.type, "type"),
    states: [...new Set(request.states.map(stateOf))],
    includeChainFailed: request.includeChainFailed || !deadOnly(request),
  };
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

function stateOf(state: number, index: number): JobState {
  const word = stateFromWire(state, `states[${index}]`);
  if (word) return word;
  throw invalidField("INVALID_OPTION", `states[${index}]`, "it must be set");
}

/** CHAIN_FAILED jobs are left out of a filter on DEAD alone. */
function deadOnly(request: ListJobsRequest): boolean {
  return request.states.length > 0 && request.states.every((state) => stateFromWire(state, "states") === "DEAD");
}
