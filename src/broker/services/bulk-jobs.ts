import type {
  BulkFailure,
  CancelJobsRequest,
  DeleteJobsRequest,
  RetryJobsRequest,
  JobFilter as WireJobFilter,
} from "../../../gen/conveyor/v1/job_service_pb.ts";
import { type ConveyorError, isConveyorError } from "../../core/errors.ts";
import type { JobSummary } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { toRpcStatus } from "../../wire/error-status.ts";
import { type BulkVerb, bulkFilterFromWire, type JobFilter, pageSizeFromWire } from "../../wire/list-filters.ts";
import { cursorOf, pageTokenOf } from "../../wire/page-token.ts";
import { notRemovable, removedAtOnceMax } from "./change-jobs.ts";
import { retryPatiently } from "./retry-patiently.ts";
import { notRetryable } from "./retry-refusal.ts";
import type { Caller, ServiceContext } from "./service-context.ts";

const pageSizeUnset = 500;

interface BulkRequest {
  readonly filter?: WireJobFilter | undefined;
  readonly validateOnly: boolean;
  readonly pageSize: number;
  readonly pageToken: string;
}

interface BulkPage {
  readonly matched: number;
  readonly changed: number;
  readonly failures: BulkFailure[];
  readonly nextPageToken: string;
}

/** What became of one job; `unchanged` also when it has left the filter meanwhile. */
type Change = "changed" | "unchanged" | ConveyorError;

export function cancelJobs(context: ServiceContext, request: CancelJobsRequest, caller: Caller): Promise<BulkPage> {
  return changePage({ context, caller, request, verb: "cancel" }, async (ids) => {
    const items = ids.map((id) => ({ id, includeHeirs: request.includeHeirs }));
    const { answers, effects } = await context.store.cancel(items);
    context.onEffects(effects);
    return answers.map((answer) => (answer.kind === "cancelled" && answer.changed ? "changed" : "unchanged"));
  });
}

export function retryJobs(context: ServiceContext, request: RetryJobsRequest, caller: Caller): Promise<BulkPage> {
  return changePage({ context, caller, request, verb: "retry" }, async (ids, { states }) => {
    const answers = await retryPatiently(
      context,
      ids.map((id) => ({ id })),
      caller.signal,
    );
    return answers.map((answer, index) => {
      if (answer.kind === "retried") return "changed";
      if (answer.kind !== "refused" || !states.includes(answer.state)) return "unchanged";
      return notRetryable(ids[index] as JobId, answer); // answers stand at the index of their item
    });
  });
}

export function deleteJobs(context: ServiceContext, request: DeleteJobsRequest, caller: Caller): Promise<BulkPage> {
  return changePage({ context, caller, request, verb: "delete" }, async (ids) => {
    const answers = await context.store.remove(ids, { max: removedAtOnceMax });
    if (answers.some((answer) => answer.kind === "removed" && answer.more)) context.wakePruner();
    return answers.map((answer, index) => {
      if (answer.kind === "removed") return "changed";
      return answer.kind === "below" ? notRemovable(ids[index] as JobId, answer) : "unchanged"; // as above
    });
  });
}

/** One page of the jobs that match: those that the caller may change are changed together, unless they are only to be counted. */
async function changePage(
  call: {
    readonly context: ServiceContext;
    readonly caller: Caller;
    readonly request: BulkRequest;
    readonly verb: BulkVerb;
  },
  change: (ids: readonly JobId[], filter: JobFilter) => Promise<readonly Change[]>,
): Promise<BulkPage> {
  const { context, caller, request, verb } = call;
  const filter = bulkFilterFromWire(request.filter, verb);
  caller.admit({ ...(filter?.queue && { queue: filter.queue }), ...(filter?.type && { type: filter.type }) });
  const size = pageSizeFromWire(request.pageSize, pageSizeUnset);
  const binding = JSON.stringify([verb, filter]);
  const cursor = cursorOf(request.pageToken, binding);
  if (filter === undefined) return { matched: 0, changed: 0, failures: [], nextPageToken: "" };
  const page = await context.store.listJobs({ ...filter, rootsOnly: verb === "delete" }, { size, cursor });
  const failures: BulkFailure[] = [];
  const fail = (id: JobId, error: ConveyorError) =>
    failures.push({ $typeName: "conveyor.v1.BulkFailure", id, error: toRpcStatus(error) });
  const admitted: JobId[] = [];
  for (const job of page.items) {
    const refusal = refusalOf(job, caller);
    if (refusal === undefined) admitted.push(job.id);
    else fail(job.id, refusal);
  }
  const changes = request.validateOnly || admitted.length === 0 ? [] : await change(admitted, filter);
  for (const [index, id] of admitted.entries()) {
    const outcome = changes[index];
    if (isConveyorError(outcome)) fail(id, outcome);
  }
  return {
    matched: page.items.length,
    changed: changes.filter((each) => each === "changed").length,
    failures,
    nextPageToken: pageTokenOf(page.cursor, binding),
  };
}

function refusalOf({ queue, type }: JobSummary, caller: Caller): ConveyorError | undefined {
  try {
    caller.admit({ queue, type });
    return undefined;
  } catch (error) {
    if (isConveyorError(error)) return error;
    throw error;
  }
}
