import { type Job, JobState, JobStateSchema } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService, type WaitUntil } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { msToDuration } from "../wire/time.ts";
import type { CommandContext } from "./command.ts";
import { type ExitCode, exitCodes } from "./exit-code.ts";
import { words } from "./job-text.ts";

/** One long poll, in ms; the broker ends it half a second before the call's deadline. */
const pollMs = 30_000;
const answerMs = 5_000;

/** Resolves with the job when it has reached `until`; throws TIMED_OUT after `--timeout` and JOB_NOT_FOUND. */
export async function waitForJob(id: string, until: WaitUntil, context: CommandContext): Promise<Job> {
  const { broker, timeoutMs = Number.POSITIVE_INFINITY } = context;
  const end = performance.now() + timeoutMs;
  for (;;) {
    const leftMs = Math.max(1, Math.min(pollMs, end - performance.now()));
    const request = { id, until, timeout: msToDuration(leftMs) };
    const { job, reached } = await broker.call(JobService.method.waitJob, request, { timeoutMs: leftMs + answerMs });
    if (job === undefined) throw new ConveyorError("INTERNAL", "the broker answered without the job");
    if (reached) return job;
    if (performance.now() >= end) {
      const state = words(JobStateSchema, job.state);
      throw new ConveyorError("TIMED_OUT", `job ${id} is still ${state} after --timeout; it goes on`);
    }
  }
}

/** 0 for a job that ended well, or whose own run was accepted where only that was waited for. */
export function exitCodeOfJob(job: Job): ExitCode {
  return job.state === JobState.DEAD || job.state === JobState.CANCELLED ? exitCodes.jobFailed : exitCodes.ok;
}
