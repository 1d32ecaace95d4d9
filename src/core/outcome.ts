import { backoffMs } from "./backoff.ts";
import type { Run } from "./chain.ts";
import { recordedError } from "./error-text.ts";
import type { AttemptOutcome, EndReason, JobError, JobState, Outcome, ServerDefaults } from "./job.ts";
import { limits } from "./limits.ts";
import type { Move } from "./transition.ts";

/** How a lease ended: the worker's outcome, its worker was lost, or it came back unharmed. */
export type LeaseEnd = Outcome | { readonly kind: "crash" } | { readonly kind: "giveBack" };

export interface RunningRecord {
  readonly cancelRequested: boolean;
  /** Why cancelling was requested. */
  readonly ownReason: EndReason | undefined;
  readonly failureCount: number;
  readonly crashCount: number;
  readonly snoozeCount: number;
  readonly releaseCount: number;
}

export interface OutcomeContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly options: ServerDefaults;
  /** From 0 to below 1. */
  readonly jitter: number;
  /** All nodes below the job, those that this outcome declares included. */
  readonly nodesBelow: number;
  /** Those of them that are not terminal. */
  readonly openBelow: number;
  /** A node below that ended badly before this run. */
  readonly notOkBelow: boolean;
}

/** What a lease's end does to its job. */
export interface OutcomeDecision {
  readonly recorded: AttemptOutcome;
  readonly error: JobError | undefined;
  readonly move: Move;
  readonly state: JobState;
  /** Undefined: the run goes on. */
  readonly run: Run | undefined;
  readonly ownReason: EndReason | undefined;
  /** Undefined: unchanged. */
  readonly runAt: number | undefined;
  readonly counts: Partial<Pick<RunningRecord, "failureCount" | "crashCount" | "snoozeCount" | "releaseCount">>;
}

/** Decides what the end of a lease does: what history says, the budgets, the next state. */
export function decideOutcome(job: RunningRecord, end: LeaseEnd, context: OutcomeContext): OutcomeDecision {
  if (end.kind === "success") return succeed(job, context);
  const plain = decidePlain(job, end, context);
  if (!job.cancelRequested) return plain;
  return cancel(job.ownReason ?? "REQUESTED", plain.error, context);
}

function decidePlain(
  job: RunningRecord,
  end: Exclude<LeaseEnd, { kind: "success" }>,
  context: OutcomeContext,
): OutcomeDecision {
  switch (end.kind) {
    case "failure":
      return fail(job, end, context);
    case "discard":
      return die("discard", { recorded: "DISCARDED", error: end.error, reason: "DISCARDED", counts: {} }, context);
    case "snooze":
      return snooze(job, end.delayMs, context);
    case "release":
    case "giveBack":
      return {
        ...goOn,
        recorded: "RELEASED",
        move: "giveBack",
        state: "READY",
        counts: { releaseCount: job.releaseCount + 1 },
      };
    case "crash":
      return crash(job, context);
    case "cancel":
      return cancel("REQUESTED", cancelError(end.message), context);
    default:
      return end satisfies never;
  }
}

const goOn = { error: undefined, run: undefined, ownReason: undefined, runAt: undefined } as const;

/** A success that comes after a cancel counts, but what it declared is cancelled. */
function succeed(job: RunningRecord, context: OutcomeContext): OutcomeDecision {
  const skipped = job.cancelRequested && context.nodesBelow > 0;
  const waits = skipped || context.openBelow > 0 || context.notOkBelow;
  return {
    recorded: "SUCCEEDED",
    error: undefined,
    move: "succeed",
    state: waits ? "AWAITING_CHILDREN" : "COMPLETED",
    run: skipped ? "SKIPPED" : "SUCCEEDED",
    ownReason: skipped ? job.ownReason : undefined,
    runAt: undefined,
    counts: {},
  };
}

function fail(
  job: RunningRecord,
  end: Pick<Extract<Outcome, { kind: "failure" }>, "error" | "timedOut" | "retryAfterMs">,
  context: OutcomeContext,
): OutcomeDecision {
  const failureCount = job.failureCount + 1;
  const ended = {
    recorded: end.timedOut ? "TIMED_OUT" : "FAILED",
    error: end.error,
    counts: { failureCount },
  } as const;
  if (failureCount >= context.options.maxAttempts)
    return die("fail", { ...ended, reason: "ATTEMPTS_EXHAUSTED" }, context);
  const waitMs = backoffMs(context.options.backoff, failureCount, context.jitter, end.retryAfterMs);
  return { ...goOn, ...ended, move: "fail", state: "RETRYING", runAt: context.now + waitMs };
}

function crash(job: RunningRecord, context: OutcomeContext): OutcomeDecision {
  const crashCount = job.crashCount + 1;
  const ended = { recorded: "CRASHED", error: recordedError("WORKER_LOST"), counts: { crashCount } } as const;
  if (crashCount >= context.options.crashLimit) return die("crash", { ...ended, reason: "CRASH_LIMIT" }, context);
  const waitMs = backoffMs(context.options.backoff, crashCount, context.jitter);
  return { ...goOn, ...ended, move: "crash", state: "RETRYING", runAt: context.now + waitMs };
}

function snooze(job: RunningRecord, delayMs: number, context: OutcomeContext): OutcomeDecision {
  if (job.snoozeCount >= limits.snoozesMax) {
    return fail(job, { error: recordedError("SNOOZE_LIMIT"), timedOut: false }, context);
  }
  const counts = { snoozeCount: job.snoozeCount + 1 };
  return { ...goOn, recorded: "SNOOZED", move: "snooze", state: "SCHEDULED", runAt: context.now + delayMs, counts };
}

interface Death extends Pick<OutcomeDecision, "recorded" | "error" | "counts"> {
  readonly reason: EndReason;
}

function die(move: Move, death: Death, context: OutcomeContext): OutcomeDecision {
  const { reason, ...rest } = death;
  const state = context.openBelow > 0 ? "AWAITING_CHILDREN" : "DEAD";
  return { ...rest, move, state, run: "DEAD", ownReason: reason, runAt: undefined };
}

function cancel(reason: EndReason, error: JobError | undefined, context: OutcomeContext): OutcomeDecision {
  const state = context.openBelow > 0 ? "AWAITING_CHILDREN" : "CANCELLED";
  return {
    recorded: "CANCELLED",
    error,
    move: "cancel",
    state,
    run: "CANCELLED",
    ownReason: reason,
    runAt: undefined,
    counts: {},
  };
}

function cancelError(message: string): JobError | undefined {
  return message === "" ? undefined : { name: "CANCELLED", message, stack: "" };
}
