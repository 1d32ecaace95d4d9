import { ConveyorError } from "../../core/errors.ts";
import type { JobState } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { RetryAnswer } from "../../store/change.ts";

type Refusal = Extract<RetryAnswer, { kind: "refused" }>;

/** Why a job was not retried, as JOB_NOT_RETRYABLE: the text names the job that stands in the way, and what to do. */
export function notRetryable(id: JobId, refusal: Refusal): ConveyorError {
  const { why, state, blocker } = refusal;
  return new ConveyorError("JOB_NOT_RETRYABLE", textOf(id, refusal), {
    details: {
      resource: { type: "job", name: blocker ?? id },
      metadata: { why, state },
      ...(why === "BUSY" ? { retryAfterMs: 1_000 } : {}),
    },
  });
}

function textOf(id: JobId, { why, state, blocker }: Refusal): string {
  switch (why) {
    case "STATE":
      return `job ${id} is ${state}: ${adviceFor(state)}`;
    case "CANCELLED":
      return `job ${id} was cancelled, and what was cancelled does not run again; enqueue it anew`;
    case "NOTHING_DEAD":
      return `job ${id} failed because ${blocker === undefined ? "something below it" : `job ${blocker} below it`} was cancelled, and nothing dead below it could run again; enqueue it anew`;
    case "ANCESTOR":
      return blocker === undefined
        ? `a job above ${id} is gone, so its chain cannot be opened again; enqueue it anew`
        : `job ${blocker} above ${id} is over for good, or about to be stopped, so its chain cannot be opened again; enqueue it anew`;
    case "BARRIER":
      return `heirs of job ${blocker ?? "above it"} are under way already, so job ${id} cannot come before them any more; wait until job ${blocker ?? "above it"} has ended, then retry`;
    case "BUSY":
      return `jobs near ${id}, below job ${blocker ?? id}, are just being cancelled or brought back; try again a little later`;
    case "EPOCH":
      return `job ${id} has not been retried as often as the expected epoch says; read it again, and send the epoch that it has`;
    default:
      return why satisfies never;
  }
}

function adviceFor(state: JobState): string {
  switch (state) {
    case "RUNNING":
      return "it is being worked on; wait for its end, or cancel it";
    case "AWAITING_CHILDREN":
      return "its own run is over, and it waits for what is below it; retry the dead jobs there";
    case "HELD":
      return "it runs once its parent, or the jobs before it, have ended";
    case "COMPLETED":
      return "it has succeeded; enqueue it anew to run it once more";
    default:
      return "only dead jobs run again, and only waiting ones are pulled forward";
  }
}
