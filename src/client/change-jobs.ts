import { type Job, JobView } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { isPassing } from "../runtime/retry.ts";
import type { Calls } from "./calls.ts";
import { type JobInfo, jobInfoOf } from "./job-info.ts";

export interface CancelOptions {
  /** No heir of the chain below runs, whatever its trigger. */
  readonly includeHeirs?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Cancels a job; JOB_NOT_FOUND. */
export async function cancelJob(
  calls: Calls,
  id: string,
  { includeHeirs = false, signal }: CancelOptions,
): Promise<JobInfo> {
  const { job } = await calls.call(JobService.method.cancelJob, { id, includeHeirs }, { signal });
  return infoOf(job, id);
}

/** Retries a job as it is now, so that a call which is sent again finds its own work done; JOB_NOT_FOUND, JOB_NOT_RETRYABLE. */
export async function retryJob(calls: Calls, id: string, signal: AbortSignal | undefined): Promise<JobInfo> {
  const seen = await calls.call(JobService.method.getJob, { id, view: JobView.BASIC }, { signal });
  const expected = seen.job === undefined ? {} : { expectedEpoch: seen.job.epoch };
  const { job } = await calls.call(JobService.method.retryJob, { id, ...expected }, { signal });
  return infoOf(job, id);
}

const callMs = 30_000;

/** Removes a terminal chain by its root; JOB_NOT_FOUND, CHAIN_OPEN. */
export async function deleteJob(calls: Calls, id: string, signal: AbortSignal | undefined): Promise<void> {
  let mayBeDone = false;
  await calls.run(
    "delete",
    async (channels, aborted) => {
      try {
        await channels.call(JobService.method.deleteJob, { id }, { signal: aborted, timeoutMs: callMs });
      } catch (error) {
        // The try before, whose answer was lost, has removed it.
        if (mayBeDone && isConveyorError(error) && error.code === "JOB_NOT_FOUND") return;
        mayBeDone ||= isPassing(error);
        throw error;
      }
    },
    { signal },
  );
}

function infoOf(job: Job | undefined, id: string): JobInfo {
  if (job === undefined) throw new ConveyorError("INTERNAL", `the broker answered without the job ${id}`);
  return jobInfoOf(job);
}
