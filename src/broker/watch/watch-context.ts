import type { Job } from "../../../gen/conveyor/v1/job_pb.ts";
import type { JobDetail } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Turns } from "../../runtime/turns.ts";
import type { Store } from "../../store/store.ts";
import { jobToWire, progressToWire } from "../../wire/job-to-wire.ts";
import type { WatchBox } from "./watch-box.ts";

/** What all watching of a broker works with. */
export interface WatchContext {
  readonly store: Pick<Store, "getJob" | "getStatuses" | "listJobs" | "readTime">;
  readonly clock: Clock;
  /** Aborts when the broker has stopped. */
  readonly signal: AbortSignal;
  /** Bounds how many jobs are read at a time. */
  readonly reads: Turns;
}

/** A change may become visible so long after the time that it bears: its transaction took that long. */
export const overlapMs = 30_000;

/** Of a job that is not there. */
export const goneVersion = -1;

/** Someone who watches, and where it goes. */
export interface Watcher {
  readonly box: WatchBox;
  /** Changes before this are known to the watcher, in ms on the store's clock; undefined: it knows nothing. */
  readonly knownMs: number | undefined;
  /** False: the watcher may not see this job (undefined: one that is not there), and its stream has been closed. */
  admits(job: Pick<JobDetail, "queue" | "type"> | undefined): boolean;
}

/** What is kept of a job that was read: many are, and their payloads and results together may be more than there is memory. */
export interface ReadJob extends Pick<JobDetail, "id" | "queue" | "type" | "version" | "updatedAt"> {
  /** As an event shows it. */
  readonly shown: Job;
}

/** Jobs as they are now; undefined for those that are gone. */
export function readJobs(context: WatchContext, ids: readonly JobId[]): Promise<readonly (ReadJob | undefined)[]> {
  return Promise.all(
    ids.map((id) =>
      context.reads(async () => {
        const job = await context.store.getJob(id);
        return job && readJobOf(job);
      }),
    ),
  );
}

function readJobOf(job: JobDetail): ReadJob {
  const { id, queue, type, version, updatedAt } = job;
  const shown = { ...jobToWire(job, "BASIC"), progress: progressToWire(job.progress) };
  return { id, queue, type, version, updatedAt, shown };
}
