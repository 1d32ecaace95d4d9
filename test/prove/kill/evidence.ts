import { readdirSync } from "node:fs";
import path from "node:path";
import { type Job, JobView } from "../../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { type Queue, QueueService } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import type { Caller } from "../process/caller.ts";
import { grouped } from "./grouped.ts";
import { type Acknowledgement, type End, type Intent, type Refusal, readLedger, type Start } from "./ledger.ts";
import type { Kill } from "./schedule.ts";
import { queues } from "./script.ts";

/** All that the checker judges by: what the ledgers say, what the store says, and who was killed when. */
export interface Evidence {
  readonly intents: readonly Intent[];
  readonly acks: readonly Acknowledgement[];
  readonly starts: ReadonlyMap<string, readonly Start[]>;
  readonly ends: ReadonlyMap<string, readonly End[]>;
  readonly refusals: readonly Refusal[];
  /** Every job of the store, by id. */
  readonly jobs: ReadonlyMap<string, Job>;
  /** Jobs directly below a job, by its id. */
  readonly below: ReadonlyMap<string, readonly Job[]>;
  readonly queues: readonly Queue[];
  readonly kills: readonly Kill[];
}

const pageSize = 200;

/** Reads all ledgers of a folder and, by gRPC, all jobs of the store. */
export async function gatherEvidence(folder: string, caller: Caller, kills: readonly Kill[]): Promise<Evidence> {
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith(".ledger"))
    .flatMap((name) => readLedger(path.join(folder, name)));
  const jobs = new Map<string, Job>();
  const counts: Queue[] = [];
  for await (const job of readJobs(caller)) jobs.set(job.id, job);
  for (const queue of queues) {
    const { queue: record } = await caller.call(QueueService.method.getQueue, { name: queue });
    if (record !== undefined) counts.push(record);
  }
  return {
    intents: lines.filter((line) => line.what === "intent"),
    acks: lines.filter((line) => line.what === "ack"),
    starts: grouped(
      lines.filter((line) => line.what === "start"),
      (line) => line.jobId,
    ),
    ends: grouped(
      lines.filter((line) => line.what === "end"),
      (line) => line.jobId,
    ),
    refusals: lines.filter((line) => line.what === "refusal"),
    jobs,
    below: grouped(
      [...jobs.values()].filter((job) => job.parentId !== ""),
      (job) => job.parentId,
    ),
    queues: counts,
    kills,
  };
}

async function* readJobs(caller: Caller): AsyncGenerator<Job> {
  for (let pageToken = "", first = true; first || pageToken !== ""; first = false) {
    const request = { view: JobView.FULL, pageSize, pageToken, includeChainFailed: true };
    const page = await caller.call(JobService.method.listJobs, request);
    yield* page.jobs;
    pageToken = page.nextPageToken;
  }
}
