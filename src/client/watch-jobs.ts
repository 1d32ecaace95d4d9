import type { WatchJobsResponse, JobEvent as WireJobEvent } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError, type ErrorCode, isConveyorError } from "../core/errors.ts";
import { isTerminal, type JobState } from "../core/job.ts";
import { linkedAbort, unlessAborted } from "../runtime/abort.ts";
import { isPassing } from "../runtime/retry.ts";
import { abortedBy, type Calls, closed } from "./calls.ts";
import { type JobInfo, jobInfoOf } from "./job-info.ts";
import { openWatchFeed, type WatchFeed, type WatchRequest } from "./watch-feed.ts";

/** A job as it is now. Steps between two events may have been merged; the last one before a job ends, or is removed, always comes. */
export interface JobEvent {
  readonly id: string;
  readonly state: JobState;
  readonly job: JobInfo;
}

/** There is no such job, or no longer. */
export interface JobGone {
  readonly id: string;
  readonly state: undefined;
  readonly job: undefined;
}

/** What to watch: at most 1,000 jobs, or all jobs of a chain. */
export type Watched = { readonly ids: readonly string[] } | { readonly rootId: string };

/** The state of one job, at once and whenever it changes, until it has ended; JOB_NOT_FOUND when it is not there. */
export async function* watchJob(
  calls: Calls,
  id: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobEvent, void, undefined> {
  for await (const event of watchJobs(calls, { ids: [id] }, signal)) {
    if (event.job === undefined) {
      const details = { resource: { type: "job", name: id } } as const;
      throw new ConveyorError("JOB_NOT_FOUND", `there is no job ${id}, or no longer`, { details });
    }
    yield event;
  }
}

/**
 * The state of each job, at once and whenever it changes; goes on by itself after a break. Of jobs by id it ends once all of them
 * have ended or are gone; of a chain, which may be opened again, never.
 */
export async function* watchJobs(
  calls: Calls,
  watched: Watched,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobEvent | JobGone, void, undefined> {
  const open = "ids" in watched ? new Set(watched.ids) : undefined;
  const request = "ids" in watched ? { ids: [...watched.ids], rootId: "" } : { ids: [], rootId: watched.rootId };
  const versions = new Map<string, bigint>();
  for await (const frame of framesOf(calls, request, signal)) {
    for (const event of frame.events) {
      if (!isNews(event, versions)) continue;
      const told = eventOf(event);
      if (told.state === undefined || isTerminal(told.state)) open?.delete(told.id);
      else open?.add(told.id);
      yield told;
    }
    if (open?.size === 0) return;
  }
}

const goneVersion = -1n;

/** Events may come twice, and late ones after newer ones. */
function isNews({ id, job }: WireJobEvent, versions: Map<string, bigint>): boolean {
  const seen = versions.get(id);
  const version = job?.version ?? goneVersion;
  if (seen !== undefined && (job === undefined ? seen === goneVersion : version <= seen)) return false;
  versions.set(id, version);
  return true;
}

function eventOf({ id, job }: WireJobEvent): JobEvent | JobGone {
  if (job === undefined) return { id, state: undefined, job: undefined };
  const info = jobInfoOf(job);
  return { id, state: info.state, job: info };
}

/** The frames of one stream after the other, each going on where the one before broke. */
async function* framesOf(
  calls: Calls,
  what: Omit<WatchRequest, "resumeToken">,
  signal: AbortSignal | undefined,
): AsyncGenerator<WatchJobsResponse, void, undefined> {
  let resumeToken = "";
  for (;;) {
    const begun = await begin(calls, { ...what, resumeToken }, signal);
    if (begun === undefined) {
      resumeToken = "";
      continue;
    }
    const { feed } = begun;
    const { controller, release } = linkedAbort([signal, calls.closing]);
    const leave = () => feed.close(new ConveyorError("ABORTED", "nobody watches any more"));
    controller.signal.addEventListener("abort", leave, { once: true });
    if (controller.signal.aborted) leave();
    try {
      for (let frame = begun.first; ; frame = await feed.next()) {
        resumeToken = frame.resumeToken || resumeToken;
        yield frame;
      }
    } catch (error) {
      if (signal?.aborted) throw abortedBy(signal, "watch");
      if (calls.closing.aborted) throw closed();
      if (!isPassing(error) && !isOf(error, "SLOW_WATCHER")) throw error;
    } finally {
      release();
      leave();
    }
  }
}

/** A stream that has brought its first frame; undefined: the place to go on at is too long ago. */
async function begin(
  calls: Calls,
  request: WatchRequest,
  signal: AbortSignal | undefined,
): Promise<{ readonly feed: WatchFeed; readonly first: WatchJobsResponse } | undefined> {
  try {
    return await calls.run(
      "watch",
      async (channels, aborted) => {
        const feed = openWatchFeed(await channels.place(aborted), request);
        try {
          return { feed, first: await unlessAborted(feed.next(), aborted) };
        } catch (error) {
          feed.close(new ConveyorError("ABORTED", "nobody watches any more"));
          throw error;
        }
      },
      { signal },
    );
  } catch (error) {
    if (isOf(error, "RESUME_TOKEN_EXPIRED")) return undefined;
    throw error;
  }
}

function isOf(error: unknown, code: ErrorCode): boolean {
  return isConveyorError(error) && error.code === code;
}
