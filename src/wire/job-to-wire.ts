import { fromBinary } from "@bufbuild/protobuf";
import { type Attempt, type Job, type JobProgress, JobProgressSchema } from "../../gen/conveyor/v1/job_pb.ts";
import type { AttemptRecord, JobDetail, JobSummary, ProgressRecord } from "../core/job.ts";
import { backoffToWire } from "./backoff.ts";
import { holdToWire, outcomeToWire, policyToWire, roleToWire, stateToWire, triggerToWire } from "./enums.ts";
import type { View } from "./list-filters.ts";
import { typedBytesToAny } from "./payload.ts";
import { jobErrorToWire } from "./result-to-outcome.ts";
import { msToDuration, msToTimestamp } from "./time.ts";

/** A job as clients see it; FULL adds payload, result, metadata, attempts and progress where `job` has them. */
export function jobToWire(job: JobSummary | JobDetail, view: View): Job {
  const wire = summaryToWire(job);
  if (view === "BASIC" || !("payload" in job)) return wire;
  wire.payload = typedBytesToAny(job.payload);
  wire.result = job.result && typedBytesToAny(job.result);
  wire.metadata = job.metadata;
  wire.attempts = job.attempts.map(attemptToWire);
  wire.attemptsOmitted = job.attemptsOmitted;
  wire.progress = progressToWire(job.progress);
  return wire;
}

/** What a handler last said; undefined when it said nothing, or nothing that can be read. */
export function progressToWire(progress: ProgressRecord | undefined): JobProgress | undefined {
  if (progress === undefined) return undefined;
  const { attempt, bytes, at } = progress;
  try {
    return Object.assign(fromBinary(JobProgressSchema, bytes), { attempt, updateTime: msToTimestamp(at) });
  } catch {
    return undefined;
  }
}

function summaryToWire(job: JobSummary): Job {
  return {
    $typeName: "conveyor.v1.Job",
    id: job.id,
    type: job.type,
    queue: job.queue,
    state: stateToWire[job.state],
    holdReason: job.hold === undefined ? 0 : holdToWire[job.hold],
    reason: job.reason ?? "",
    priority: job.priority,
    runTime: msToTimestamp(job.runAt),
    createTime: msToTimestamp(job.createdAt),
    updateTime: msToTimestamp(job.updatedAt),
    runEndTime: job.ranAt === undefined ? undefined : msToTimestamp(job.ranAt),
    finishTime: job.finishedAt === undefined ? undefined : msToTimestamp(job.finishedAt),
    version: BigInt(job.version),
    epoch: job.epoch,
    attempt: job.attempt,
    failureCount: job.failureCount,
    crashCount: job.crashCount,
    snoozeCount: job.snoozeCount,
    releaseCount: job.releaseCount,
    maxAttempts: job.maxAttempts,
    backoff: job.backoff && backoffToWire(job.backoff),
    timeout: job.timeoutMs === undefined ? undefined : msToDuration(job.timeoutMs),
    rootId: job.rootId,
    parentId: job.parentId ?? "",
    role: roleToWire[job.role],
    depth: job.depth,
    key: job.key,
    policy: policyToWire[job.policy],
    trigger: triggerToWire[job.trigger],
    asResult: job.asResult,
    pendingChildren: job.pendingChildren,
    pendingHeirs: job.pendingHeirs,
    cancelRequested: job.cancelRequested,
    schemaId: job.schemaId,
    payloadBytes: BigInt(job.payloadBytes),
    principal: job.principal,
    requestId: job.requestId ?? "",
    errorFingerprint: job.errorFingerprint ?? "",
    metadata: {},
    attempts: [],
    attemptsOmitted: 0,
  };
}

function attemptToWire(attempt: AttemptRecord): Attempt {
  return {
    $typeName: "conveyor.v1.Attempt",
    number: attempt.number,
    outcome: attempt.outcome === undefined ? 0 : outcomeToWire[attempt.outcome],
    sessionId: attempt.sessionId,
    worker: attempt.worker,
    claimTime: msToTimestamp(attempt.claimedAt),
    endTime: attempt.endedAt === undefined ? undefined : msToTimestamp(attempt.endedAt),
    error: attempt.error && jobErrorToWire(attempt.error),
    epoch: attempt.epoch,
  };
}
