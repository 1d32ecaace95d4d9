import type { DescMessage } from "@bufbuild/protobuf";
import { JobView } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { JobState } from "../core/job.ts";
import { stateToWire } from "../wire/enums.ts";
import { wordToWire } from "../wire/word-to-wire.ts";
import type { Calls } from "./calls.ts";
import { type JobInfo, jobInfoOf } from "./job-info.ts";

/** Which jobs; what is set must all match. */
export interface ListOptions {
  readonly rootId?: string | undefined;
  readonly parentId?: string | undefined;
  readonly queue?: string | undefined;
  /** A job type by its full name or its schema. */
  readonly type?: string | DescMessage | undefined;
  readonly states?: readonly JobState[] | undefined;
  /** Also dead jobs that only failed for what is below them. */
  readonly includeChainFailed?: boolean | undefined;
  /** With payload, result, metadata and attempts. */
  readonly full?: boolean | undefined;
  /** Jobs a call, 1 to 1,000; 100 when left out. */
  readonly pageSize?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Every job that matches, newest first (below a parent: in declaration order), read page by page as it is asked for. */
export async function* listJobs(calls: Calls, options: ListOptions): AsyncGenerator<JobInfo, void, undefined> {
  const { type = "", signal } = options;
  const filter = {
    rootId: options.rootId ?? "",
    parentId: options.parentId ?? "",
    queue: options.queue ?? "",
    type: typeof type === "string" ? type : type.typeName,
    states: (options.states ?? []).map((state) => wordToWire(stateToWire, state, "states")),
    includeChainFailed: options.includeChainFailed ?? false,
    view: options.full ? JobView.FULL : JobView.BASIC,
    pageSize: options.pageSize ?? 0,
  };
  let pageToken = "";
  do {
    const page = await calls.call(JobService.method.listJobs, { ...filter, pageToken }, { signal });
    yield* page.jobs.map(jobInfoOf);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}
