import type { Job } from "../../../gen/conveyor/v1/job_pb.ts";
import type { CancelJobRequest, DeleteJobRequest, RetryJobRequest } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import { type JobId, parseJobId } from "../../core/names.ts";
import type { RemoveAnswer } from "../../store/change.ts";
import { jobToWire } from "../../wire/job-to-wire.ts";
import { jobNotFound, readJob } from "./read-jobs.ts";
import { retryPatiently } from "./retry-patiently.ts";
import { notRetryable } from "./retry-refusal.ts";
import type { Caller, ServiceContext } from "./service-context.ts";

/** Jobs that one call removes by itself; the pruner removes the rest of a larger chain. */
export const removedAtOnceMax = 500;

/** Cancels a job; a terminal one stays as it is. Throws JOB_NOT_FOUND. */
export async function cancelJob(
  context: ServiceContext,
  { id: text, includeHeirs }: CancelJobRequest,
  caller: Caller,
): Promise<{ job: Job }> {
  const { id } = await readJob(context, parseJobId(text), caller);
  const { answers, effects } = await context.store.cancel([{ id, includeHeirs }]);
  context.onEffects(effects);
  if (answers[0]?.kind !== "cancelled") throw jobNotFound(id);
  return changed(context, id);
}

/** Retries a job. Throws JOB_NOT_FOUND and JOB_NOT_RETRYABLE. */
export async function retryJob(
  context: ServiceContext,
  { id: text, expectedEpoch }: RetryJobRequest,
  caller: Caller,
): Promise<{ job: Job }> {
  const { id } = await readJob(context, parseJobId(text), caller);
  const [answer] = await retryPatiently(context, [{ id, expectedEpoch }], caller.signal);
  if (answer?.kind === "refused") throw notRetryable(id, answer);
  if (answer?.kind !== "retried" && answer?.kind !== "unchanged") throw jobNotFound(id);
  return changed(context, id);
}

/** Removes a terminal chain by its root. Throws JOB_NOT_FOUND, CHAIN_OPEN, and INVALID_OPTION for a job below a root. */
export async function deleteJob(
  context: ServiceContext,
  { id: text }: DeleteJobRequest,
  caller: Caller,
): Promise<Record<string, never>> {
  const { id } = await readJob(context, parseJobId(text), caller);
  const [answer] = await context.store.remove([id], { max: removedAtOnceMax });
  if (answer?.kind !== "removed") throw notRemovable(id, answer);
  if (answer.more) context.wakePruner();
  return {};
}

/** Why a chain was not removed. */
export function notRemovable(id: JobId, answer: Exclude<RemoveAnswer, { kind: "removed" }> | undefined): ConveyorError {
  switch (answer?.kind) {
    case "open":
      return new ConveyorError(
        "CHAIN_OPEN",
        `job ${id} is ${answer.state}, and only a chain that has ended is removed; cancel it, or wait for its end`,
        { details: { resource: { type: "job", name: id } } },
      );
    case "below": {
      const problem = `job ${id} lies in the chain of ${answer.rootId}, and chains are removed whole; delete ${answer.rootId}`;
      return new ConveyorError("INVALID_OPTION", `id: ${problem}`, {
        details: { fields: [{ path: "id", problem }], resource: { type: "job", name: answer.rootId } },
      });
    }
    default:
      return jobNotFound(id);
  }
}

/** The job after it was changed; who may change it may see what became of it. */
async function changed(context: ServiceContext, id: JobId): Promise<{ job: Job }> {
  const job = await readJob(context, id, { admit: () => undefined });
  return { job: jobToWire(job, "BASIC") };
}
