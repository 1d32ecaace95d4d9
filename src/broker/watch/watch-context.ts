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
  admits(job: JobDetail | undefined): boolean;
}

/** Jobs with all that the store has of them; undefined for those that are gone. */
export function readJobs(context: WatchContext, ids: readonly JobId[]): Promise<readonly (JobDetail | undefined)[]> {
  return Promise.all(ids.map((id) => context.reads(() => context.store.getJob(id))));
}

/** A job as an event shows it. */
export function eventJob(job: JobDetail): Job {
  return { ...jobToWire(job, "BASIC"), progress: progressToWire(job.progress) };
}
