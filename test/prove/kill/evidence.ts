import { readdirSync } from "node:fs";
import path from "node:path";
import type { Job } from "../../../gen/conveyor/v1/job_pb.ts";
import type { Queue } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import type { Caller } from "../process/caller.ts";
import { readJobs, readQueues } from "../process/read-store.ts";
import { grouped } from "./grouped.ts";
import {
  type Acknowledgement,
  type Connection,
  type End,
  type Intent,
  type Refusal,
  readLedger,
  type Start,
} from "./ledger.ts";
import type { Kill } from "./schedule.ts";
import { queues } from "./script.ts";

/** All that the checker judges by: what the ledgers say, what the store says, and who was killed when. */
export interface Evidence {
  readonly intents: readonly Intent[];
  readonly acks: readonly Acknowledgement[];
  readonly starts: ReadonlyMap<string, readonly Start[]>;
  readonly ends: ReadonlyMap<string, readonly End[]>;
  readonly refusals: readonly Refusal[];
  /** By worker, in the order in which they were written. */
  readonly connections: ReadonlyMap<string, readonly Connection[]>;
  /** Every job of the store, by id. */
  readonly jobs: ReadonlyMap<string, Job>;
  /** Jobs directly below a job, by its id. */
  readonly below: ReadonlyMap<string, readonly Job[]>;
  readonly queues: readonly Queue[];
  readonly kills: readonly Kill[];
}

/** Reads all ledgers of a folder and, by gRPC, all jobs of the store. */
export async function gatherEvidence(folder: string, caller: Caller, kills: readonly Kill[]): Promise<Evidence> {
  const lines = readdirSync(folder)
    .filter((name) => name.endsWith(".ledger"))
    .flatMap((name) => readLedger(path.join(folder, name)));
  const jobs = new Map((await readJobs(caller)).map((job) => [job.id, job]));
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
    connections: grouped(
      lines.filter((line) => line.what === "connection"),
      (line) => line.worker,
    ),
    jobs,
    below: grouped(
      [...jobs.values()].filter((job) => job.parentId !== ""),
      (job) => job.parentId,
    ),
    queues: await readQueues(caller, queues),
    kills,
  };
}
