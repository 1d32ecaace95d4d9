import { toBinary } from "@bufbuild/protobuf";
import { type Job, JobSchema } from "../../../gen/conveyor/v1/job_pb.ts";
import type {
  GetChainRequest,
  GetChainResponse,
  GetJobRequest,
  ListJobsRequest,
  ListJobsResponse,
} from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import type { JobDetail } from "../../core/job.ts";
import { type JobId, parseJobId } from "../../core/names.ts";
import type { ListFilter } from "../../store/query.ts";
import { chainNodeToWire, stateCountToWire } from "../../wire/chain-node-to-wire.ts";
import { jobToWire } from "../../wire/job-to-wire.ts";
import { jobFilterFromWire, pageSizeFromWire, viewFromWire } from "../../wire/list-filters.ts";
import { cursorOf, pageTokenOf } from "../../wire/page-token.ts";
import type { Caller, ServiceContext } from "./service-context.ts";

const listSize = 100;
const chainSize = 500;
/** Full jobs go in one answer up to this; the largest single one is below 4 MiB. */
const fullPageBytesMax = 3.5 * 1024 * 1024;
const fullPageJobsMax = 100;
const readsAtOnce = 16;

/** The job as a caller may see it; throws JOB_NOT_FOUND. */
export async function readJob(context: ServiceContext, id: JobId, caller: Pick<Caller, "admit">): Promise<JobDetail> {
  const job = await context.store.getJob(id);
  if (job === undefined) {
    caller.admit();
    throw jobNotFound(id);
  }
  caller.admit({ queue: job.queue, type: job.type });
  return job;
}

export async function getJob(context: ServiceContext, request: GetJobRequest, caller: Caller): Promise<{ job: Job }> {
  const view = viewFromWire(request.view, "FULL");
  return { job: jobToWire(await readJob(context, parseJobId(request.id), caller), view) };
}

export async function listJobs(
  context: ServiceContext,
  request: ListJobsRequest,
  caller: Caller,
): Promise<Omit<ListJobsResponse, "$typeName">> {
  const filter = jobFilterFromWire(request);
  caller.admit({ ...(filter.queue && { queue: filter.queue }), ...(filter.type && { type: filter.type }) });
  const size = pageSizeFromWire(request.pageSize, listSize);
  const binding = JSON.stringify(filter);
  const cursor = cursorOf(request.pageToken, binding);
  if (viewFromWire(request.view, "BASIC") === "FULL") {
    const page = await fullPage(context, filter, { size, cursor });
    return { jobs: page.jobs, nextPageToken: pageTokenOf(page.cursor, binding) };
  }
  const page = await context.store.listJobs(filter, { size, cursor });
  return { jobs: page.items.map((job) => jobToWire(job, "BASIC")), nextPageToken: pageTokenOf(page.cursor, binding) };
}

/** The jobs of one page, read some at a time; it ends early where more would not go into one answer. */
async function fullPage(
  context: ServiceContext,
  filter: ListFilter,
  page: { readonly size: number; readonly cursor: string | undefined },
): Promise<{ readonly jobs: Job[]; readonly cursor: string | undefined }> {
  const jobs: Job[] = [];
  let { cursor } = page;
  let bytes = 0;
  while (jobs.length < Math.min(page.size, fullPageJobsMax)) {
    const size = Math.min(page.size - jobs.length, fullPageJobsMax - jobs.length, readsAtOnce);
    const next = await context.store.listJobs(filter, { size, cursor });
    const details = await Promise.all(next.items.map(({ id }) => context.store.getJob(id)));
    const passed = new Set<JobId>();
    for (const [index, { id }] of next.items.entries()) {
      const detail = details[index];
      const job = detail && jobToWire(detail, "FULL");
      bytes += job === undefined ? 0 : toBinary(JobSchema, job).length;
      if (bytes > fullPageBytesMax && jobs.length > 0)
        return { jobs, cursor: await cursorAfter(context, filter, passed, cursor) };
      passed.add(id);
      if (job !== undefined) jobs.push(job);
    }
    cursor = next.cursor;
    if (cursor === undefined) break;
  }
  return { jobs, cursor };
}

/** Where to go on after the jobs `passed`, which begin at `from`: only the store can say, one by one. */
async function cursorAfter(
  context: ServiceContext,
  filter: ListFilter,
  passed: ReadonlySet<JobId>,
  from: string | undefined,
): Promise<string | undefined> {
  let cursor = from;
  for (let count = 0; count < passed.size; count += 1) {
    const next = await context.store.listJobs(filter, { size: 1, cursor });
    if (next.cursor === undefined || next.items.some(({ id }) => !passed.has(id))) break;
    cursor = next.cursor;
  }
  return cursor;
}

export async function getChain(
  context: ServiceContext,
  request: GetChainRequest,
  caller: Caller,
): Promise<Omit<GetChainResponse, "$typeName">> {
  const id = parseJobId(request.id);
  const size = pageSizeFromWire(request.pageSize, chainSize);
  const depthMax = request.depthMax ?? Number.POSITIVE_INFINITY;
  const binding = `${id} ${depthMax}`;
  await readJob(context, id, caller);
  const cursor = cursorOf(request.pageToken, binding);
  const page = await context.store.getChain(id, { size, cursor, depthMax });
  if (page === undefined) throw jobNotFound(id);
  return {
    rootId: page.rootId,
    nodes: page.items.map(chainNodeToWire),
    totals: page.totals?.map(({ state, count }) => stateCountToWire(state, count)) ?? [],
    nextPageToken: pageTokenOf(page.cursor, binding),
  };
}

export function jobNotFound(id: JobId): ConveyorError {
  return new ConveyorError("JOB_NOT_FOUND", `there is no job ${id}`, {
    details: { resource: { type: "job", name: id } },
  });
}
