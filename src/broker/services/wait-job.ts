import { type WaitJobRequest, type WaitJobResponse, WaitUntil } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { isTerminal, type JobDetail } from "../../core/job.ts";
import { parseJobId } from "../../core/names.ts";
import { invalidField } from "../../wire/invalid-field.ts";
import { jobToWire } from "../../wire/job-to-wire.ts";
import { checkedDurationMs } from "../../wire/time.ts";
import type { WaitGoal } from "../waiters.ts";
import { readJob } from "./read-jobs.ts";
import type { Caller, ServiceContext } from "./service-context.ts";

const waitMs = 30_000;
const waitMsMax = 600_000;
/** The answer must arrive before the caller's deadline. */
const marginMs = 500;

/** Answers when the job has got there, or with how it stands when the time is over. */
export async function waitJob(
  context: ServiceContext,
  request: WaitJobRequest,
  caller: Caller,
): Promise<Omit<WaitJobResponse, "$typeName">> {
  const id = parseJobId(request.id);
  const goal = goalOf(request.until);
  const reached = (job: JobDetail) => isTerminal(job.state) || (goal === "RAN" && job.ranAt !== undefined);
  const endsAt = endOf(request, caller);
  for (;;) {
    const leftMs = endsAt - Date.now();
    // Waiting begins before the read, or an end between the two would be missed.
    const over = new AbortController();
    const signal = AbortSignal.any([caller.signal, over.signal]);
    const ended = context.waiters.reached(id, { goal, ms: Math.max(0, leftMs), signal });
    ended.catch(() => undefined);
    try {
      const job = await readJob(context, id, caller);
      if (reached(job) || leftMs <= 0) return { job: jobToWire(job, "FULL"), reached: reached(job) };
      await ended;
    } finally {
      over.abort();
    }
  }
}

function goalOf(until: WaitUntil): WaitGoal {
  switch (until) {
    case WaitUntil.UNSPECIFIED:
    case WaitUntil.TERMINAL:
      return "TERMINAL";
    case WaitUntil.RAN:
      return "RAN";
    default:
      throw invalidField(
        "INVALID_OPTION",
        "until",
        `${until} is nothing to wait for; known are 1 (RAN) and 2 (TERMINAL)`,
      );
  }
}

function endOf(request: WaitJobRequest, caller: Caller): number {
  const ms =
    request.timeout === undefined ? waitMs : checkedDurationMs(request.timeout, { path: "timeout", msMax: waitMsMax });
  return Math.min(Date.now() + ms, (caller.deadlineMs ?? Number.POSITIVE_INFINITY) - marginMs);
}
