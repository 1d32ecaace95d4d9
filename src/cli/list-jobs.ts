import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Job } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService, type ListJobsRequestSchema } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { CommandContext } from "./command.ts";
import { askOptions } from "./deadline.ts";

const pageSizeMax = 1_000;

/** At most `jobsMax` jobs that match, page by page, and whether there are more. */
export async function listJobs(
  filter: MessageInitShape<typeof ListJobsRequestSchema>,
  jobsMax: number,
  context: CommandContext,
): Promise<{ readonly jobs: readonly Job[]; readonly more: boolean }> {
  const jobs: Job[] = [];
  let pageToken = "";
  do {
    const pageSize = Math.min(pageSizeMax, jobsMax - jobs.length);
    const request = { ...filter, pageSize, pageToken };
    const page = await context.broker.call(JobService.method.listJobs, request, askOptions(context));
    jobs.push(...page.jobs);
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && jobs.length < jobsMax);
  return { jobs, more: pageToken !== "" };
}
