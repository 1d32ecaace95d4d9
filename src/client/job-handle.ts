import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { type Job, JobView } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService, WaitUntil } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { isTerminal } from "../core/job.ts";
import { stateFromWire } from "../wire/enums.ts";
import { unpackAny } from "../wire/job-payload.ts";
import { msToDuration } from "../wire/time.ts";
import type { Calls } from "./calls.ts";
import { type CancelOptions, cancelJob, deleteJob, retryJob } from "./change-jobs.ts";
import type { ExpectedResult } from "./job-draft.ts";
import { type JobInfo, jobInfoOf } from "./job-info.ts";
import { type JobEvent, watchJob } from "./watch-jobs.ts";

/** One look at the broker; the answer comes early when the job is there. */
const lookMs = 30_000;
const lookMarginMs = 10_000;

/** A job that was enqueued. */
export interface JobHandle<Result extends Message | undefined = Message | undefined> {
  readonly id: string;
  /** It was there already, with the same content. */
  readonly deduplicated: boolean;
  /**
   * The job's result, once it and everything below it is done; undefined where its stub has none. Throws JOB_FAILED when it ended dead or cancelled, NO_RESULT when
   * it gave none, RESULT_TYPE_MISMATCH when it gave another message, ABORTED when the signal came first.
   */
  result<Type extends Result = Result>(options?: WaitOptions): Promise<Type>;
  /** Resolves with the job once its own run is over (RAN), or everything below it too (TERMINAL, the default). */
  wait(options?: WaitOptions & { readonly until?: "RAN" | "TERMINAL" | undefined }): Promise<JobInfo>;
  /** The job as it is now. */
  get(options?: WaitOptions): Promise<JobInfo>;
  /** Its state, at once and whenever it changes, until it has ended; goes on by itself after a break. Steps between may be merged. */
  watch(options?: WaitOptions): AsyncGenerator<JobEvent, void, undefined>;
  /** Cancels it and what is below it; one that runs is asked to stop. On one that has ended it changes nothing. */
  cancel(options?: CancelOptions): Promise<JobInfo>;
  /** Makes it run again when it is dead, and reopens the chain above it; pulls a scheduled or retrying one forward. JOB_NOT_RETRYABLE. */
  retry(options?: WaitOptions): Promise<JobInfo>;
  /** Removes it for good with all below it; only the root of a chain that has ended, else CHAIN_OPEN. */
  delete(options?: WaitOptions): Promise<void>;
}

export interface WaitOptions {
  readonly signal?: AbortSignal | undefined;
}

/** A handle of the job `id`. */
export function jobHandle<Result extends Message | undefined>(
  calls: Calls,
  job: { readonly id: string; readonly deduplicated: boolean; readonly result: ExpectedResult },
): JobHandle<Result> {
  const { id, deduplicated } = job;

  async function wait(until: WaitUntil, signal: AbortSignal | undefined): Promise<Job> {
    for (;;) {
      const answer = await calls.call(
        JobService.method.waitJob,
        { id, until, timeout: msToDuration(lookMs) },
        { signal, timeoutMs: lookMs + lookMarginMs },
      );
      if (answer.job && answer.reached) return answer.job;
    }
  }

  return {
    id,
    deduplicated,
    async result<Type extends Result>({ signal }: WaitOptions = {}) {
      const ended = await wait(WaitUntil.TERMINAL, signal);
      // Its name was compared, so it is of the type that the caller's stub or schema stands for.
      return resultMessage(ended, job.result) as Type;
    },
    async wait({ signal, until = "TERMINAL" } = {}) {
      return jobInfoOf(await wait(until === "RAN" ? WaitUntil.RAN : WaitUntil.TERMINAL, signal));
    },
    get: ({ signal } = {}) => getJob(calls, id, signal),
    watch: ({ signal } = {}) => watchJob(calls, id, signal),
    cancel: (options = {}) => cancelJob(calls, id, options),
    retry: ({ signal } = {}) => retryJob(calls, id, signal),
    delete: ({ signal } = {}) => deleteJob(calls, id, signal),
  };
}

/** One job with everything; JOB_NOT_FOUND. */
export async function getJob(calls: Calls, id: string, signal: AbortSignal | undefined): Promise<JobInfo> {
  const { job } = await calls.call(JobService.method.getJob, { id, view: JobView.FULL }, { signal });
  if (job === undefined) throw new ConveyorError("INTERNAL", `the broker answered without the job ${id}`);
  return jobInfoOf(job);
}

function resultMessage(job: Job, expected: ExpectedResult): Message | undefined {
  const state = stateFromWire(job.state, "state");
  if (state !== "COMPLETED") throw failed(job, state !== undefined && isTerminal(state) ? state : "not done");
  if (expected === "none") return undefined;
  const result = resultOf(job);
  return unpackAny(schemaOf(expected, job), result, "RESULT_TYPE_MISMATCH");
}

function resultOf(job: Job): Any {
  if (job.result) return job.result;
  throw new ConveyorError(
    "NO_RESULT",
    `job ${job.id} (${job.type}) is completed without a result; its type declares none, or the heir that should give it was not run`,
    aboutJob(job),
  );
}

function schemaOf(schema: DescMessage | undefined, job: Job): DescMessage {
  if (schema !== undefined) return schema;
  throw new ConveyorError(
    "NO_RESULT",
    `${job.type} declares no result, so the one of job ${job.id} cannot be read; pass { result: Schema } when enqueueing`,
    aboutJob(job),
  );
}

function failed(job: Job, state: string): ConveyorError {
  const error = job.attempts.findLast((attempt) => attempt.error)?.error;
  const why = error === undefined ? "" : `; the last attempt failed with ${error.name}: ${error.message}`;
  const reason = job.reason === "" ? "" : ` (${job.reason})`;
  return new ConveyorError("JOB_FAILED", `job ${job.id} (${job.type}) is ${state}${reason}${why}; ${hintOf(job)}`, {
    details: { ...aboutJob(job).details, metadata: { state, reason: job.reason, jobId: job.id, type: job.type } },
  });
}

function hintOf({ id, reason }: Job): string {
  if (reason === "CHAIN_FAILED") return `see what failed below it with "conveyor chain show ${id}"`;
  return `see its history with "conveyor job show ${id}"`;
}

function aboutJob({ id }: Job) {
  return { details: { resource: { type: "job", name: id } } } as const;
}
