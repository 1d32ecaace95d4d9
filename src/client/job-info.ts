import type { JsonObject } from "@bufbuild/protobuf";
import type { Attempt, Job, JobProgress } from "../../gen/conveyor/v1/job_pb.ts";
import type { AttemptOutcome, FailurePolicy, HoldReason, JobError, JobRole, JobState, Trigger } from "../core/job.ts";
import {
  holdFromWire,
  outcomeFromWire,
  policyFromWire,
  roleFromWire,
  stateFromWire,
  triggerFromWire,
} from "../wire/enums.ts";
import { plainBytes } from "../wire/job-payload.ts";
import { typeNameOfUrl } from "../wire/payload.ts";
import { durationToMs, timestampToMs } from "../wire/time.ts";

/** A protobuf message in bytes: `fromBinary(Schema, bytes)` reads it. */
export interface MessageBytes {
  /** Full name. */
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** One lease of a job to a worker, and how it ended. */
export interface AttemptInfo {
  readonly number: number;
  /** Undefined while it runs. */
  readonly outcome: AttemptOutcome | undefined;
  readonly worker: string;
  readonly sessionId: string;
  readonly claimedAt: Date | undefined;
  readonly endedAt: Date | undefined;
  readonly error: JobError | undefined;
  readonly epoch: number;
}

/** What a handler last said of how far it is. */
export interface ProgressInfo {
  /** From 0 to 1; undefined: the handler does not know. */
  readonly fraction: number | undefined;
  readonly message: string;
  readonly details: JsonObject | undefined;
  /** The attempt that said so. */
  readonly attempt: number;
  readonly updatedAt: Date | undefined;
}

/** A job as it was when the broker answered. */
export interface JobInfo {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly state: JobState;
  readonly holdReason: HoldReason | undefined;
  /** Why it is dead or cancelled, such as ATTEMPTS_EXHAUSTED. */
  readonly reason: string | undefined;
  readonly priority: number;
  readonly runAt: Date | undefined;
  readonly createdAt: Date | undefined;
  readonly updatedAt: Date | undefined;
  /** Own run accepted or ended for good. */
  readonly ranAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  readonly epoch: number;
  /** Number of the newest attempt; 0 before the first. */
  readonly attempt: number;
  readonly failureCount: number;
  readonly crashCount: number;
  readonly snoozeCount: number;
  readonly releaseCount: number;
  /** As asked by request or type; undefined: queue or server decide. */
  readonly maxAttempts: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly rootId: string;
  readonly parentId: string | undefined;
  readonly role: JobRole;
  readonly depth: number;
  readonly key: string;
  readonly policy: FailurePolicy;
  readonly trigger: Trigger;
  readonly asResult: boolean;
  readonly pendingChildren: number;
  readonly pendingHeirs: number;
  readonly cancelRequested: boolean;
  /** The same for all errors that are alike; set when dead by an error of its own. */
  readonly errorFingerprint: string | undefined;
  /** In a list only with the view FULL; so are result, metadata and attempts. */
  readonly payload: MessageBytes | undefined;
  readonly result: MessageBytes | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** The first 20 and the last 20, oldest first. */
  readonly attempts: readonly AttemptInfo[];
  readonly attemptsOmitted: number;
  /** Undefined when no handler said anything; in a list only with the view FULL. */
  readonly progress: ProgressInfo | undefined;
}

/** A job out of an answer. */
export function jobInfoOf(job: Job): JobInfo {
  return {
    id: job.id,
    type: job.type,
    queue: job.queue,
    state: stateFromWire(job.state, "state") ?? "READY",
    holdReason: holdFromWire(job.holdReason, "hold_reason"),
    reason: job.reason || undefined,
    priority: job.priority,
    runAt: dateOf(job.runTime),
    createdAt: dateOf(job.createTime),
    updatedAt: dateOf(job.updateTime),
    ranAt: dateOf(job.runEndTime),
    finishedAt: dateOf(job.finishTime),
    epoch: job.epoch,
    attempt: job.attempt,
    failureCount: job.failureCount,
    crashCount: job.crashCount,
    snoozeCount: job.snoozeCount,
    releaseCount: job.releaseCount,
    maxAttempts: job.maxAttempts,
    timeoutMs: job.timeout && durationToMs(job.timeout),
    rootId: job.rootId,
    parentId: job.parentId || undefined,
    role: roleFromWire(job.role, "role") ?? "ROOT",
    depth: job.depth,
    key: job.key,
    policy: policyFromWire(job.policy, "policy") ?? "FAIL",
    trigger: triggerFromWire(job.trigger, "trigger") ?? "SUCCEEDED",
    asResult: job.asResult,
    pendingChildren: job.pendingChildren,
    pendingHeirs: job.pendingHeirs,
    cancelRequested: job.cancelRequested,
    errorFingerprint: job.errorFingerprint || undefined,
    payload: bytesOf(job.payload),
    result: bytesOf(job.result),
    metadata: job.metadata,
    attempts: job.attempts.map(attemptOf),
    attemptsOmitted: job.attemptsOmitted,
    progress: job.progress && progressOf(job.progress),
  };
}

function progressOf({ fraction, message, details, attempt, updateTime }: JobProgress): ProgressInfo {
  return { fraction, message, details, attempt, updatedAt: dateOf(updateTime) };
}

function attemptOf(attempt: Attempt): AttemptInfo {
  const { error } = attempt;
  return {
    number: attempt.number,
    outcome: outcomeFromWire(attempt.outcome, "outcome"),
    worker: attempt.worker,
    sessionId: attempt.sessionId,
    claimedAt: dateOf(attempt.claimTime),
    endedAt: dateOf(attempt.endTime),
    error: error && { name: error.name, message: error.message, stack: error.stack },
    epoch: attempt.epoch,
  };
}

function dateOf(timestamp: Job["runTime"]): Date | undefined {
  return timestamp && new Date(timestampToMs(timestamp));
}

function bytesOf(any: Job["payload"]): MessageBytes | undefined {
  return any && { type: typeNameOfUrl(any.typeUrl, "type_url"), bytes: plainBytes(any.value) };
}
