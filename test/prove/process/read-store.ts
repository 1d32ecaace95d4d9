import { type Job, JobView } from "../../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { type Queue, QueueService } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import type { Caller } from "./caller.ts";

const pageSize = 200;

/** Every job of the store, with all that is known of it. */
export async function readJobs(caller: Caller): Promise<readonly Job[]> {
  const jobs: Job[] = [];
  for (let pageToken = "", first = true; first || pageToken !== ""; first = false) {
    const request = { view: JobView.FULL, pageSize, pageToken, includeChainFailed: true };
    const page = await caller.call(JobService.method.listJobs, request);
    jobs.push(...page.jobs);
    pageToken = page.nextPageToken;
  }
  return jobs;
}

/** Those of the named queues that there are. */
export async function readQueues(caller: Caller, names: readonly string[]): Promise<readonly Queue[]> {
  const answers = await Promise.all(names.map((name) => caller.call(QueueService.method.getQueue, { name })));
  return answers.flatMap(({ queue }) => (queue === undefined ? [] : [queue]));
}
