import { JobView } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { Calls } from "./calls.ts";
import { type JobFilter, jobFilterToWire } from "./job-filter.ts";
import { type JobInfo, jobInfoOf } from "./job-info.ts";

export interface ListOptions extends JobFilter {
  /** With payload, result, metadata, attempts and progress. */
  readonly full?: boolean | undefined;
  /** Jobs a call, 1 to 1,000; 100 when left out. */
  readonly pageSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Every job that matches, newest first (below a parent: in declaration order), read page by page as it is asked for. */
export async function* listJobs(calls: Calls, options: ListOptions): AsyncGenerator<JobInfo, void, undefined> {
  const { signal } = options;
  const request = {
    ...jobFilterToWire(options),
    view: options.full ? JobView.FULL : JobView.BASIC,
    pageSize: options.pageSize ?? 0,
  };
  let pageToken = "";
  do {
    const page = await calls.call(JobService.method.listJobs, { ...request, pageToken }, { signal });
    yield* page.jobs.map(jobInfoOf);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}
