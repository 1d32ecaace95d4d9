import { type Job, JobView } from "../../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { type Queue, QueueService } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import type { Caller } from "./caller.ts";

const pageSize = 1_000;
const atOnce = 32;

/** Every job of the store, with all that is known of it. */
export async function readJobs(caller: Caller): Promise<readonly Job[]> {
  const ids: string[] = [];
  for (let pageToken = "", first = true; first || pageToken !== ""; first = false) {
    const page = await caller.call(JobService.method.listJobs, { pageSize, pageToken, includeChainFailed: true });
    ids.push(...page.jobs.map((job) => job.id));
    pageToken = page.nextPageToken;
  }
  // One by one, many at a time: full pages are read job after job by the broker.
  const jobs: Job[] = [];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
        const { job } = await caller.call(JobService.method.getJob, { id, view: JobView.FULL });
        if (job !== undefined) jobs.push(job);
      }
    }),
  );
  return jobs;
}

/** Those of the named queues that there are. */
export async function readQueues(caller: Caller, names: readonly string[]): Promise<readonly Queue[]> {
  const answers = await Promise.all(names.map((name) => caller.call(QueueService.method.getQueue, { name })));
  return answers.flatMap(({ queue }) => (queue === undefined ? [] : [queue]));
}
