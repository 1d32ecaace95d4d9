import { backoffMs } from "../../core/backoff.ts";
import { recordedError } from "../../core/error-text.ts";
import type { ErrorCode } from "../../core/errors.ts";
import { errorFingerprint } from "../../core/fingerprint.ts";
import type { AttemptOutcome, EndReason, JobError, Outcome, ServerDefaults } from "../../core/job.ts";
import { limits } from "../../core/limits.ts";
import { effectiveOptions } from "../../core/precedence.ts";
import { Reason, Recorded, RunCode, reasonOf, State } from "../codes.ts";
import { recordAttempt } from "./attempts.ts";
import { dropStaged } from "./drop-staged.ts";
import { endRun } from "./end-run.ts";
import { type JobChange, type JobRow, saveJob } from "./job-row.ts";
import { parseBackoff } from "./queue-row.ts";
import type { Step } from "./step.ts";

/** How a lease ends other than by success: by its worker's word, by the loss of its worker, or unharmed. */
export type BadEnd = Exclude<Outcome, { kind: "success" }> | { readonly kind: "crash" } | { readonly kind: "giveBack" };

/** What the end does: `wait` leaves the job to run again, `over` ends its own run. */
interface Ending {
  readonly recorded: AttemptOutcome;
  readonly error: JobError | undefined;
  readonly counts: Partial<JobChange>;
  readonly next:
    | { readonly kind: "wait"; readonly state: number; readonly runAt: number }
    | { readonly kind: "over"; readonly run: number; readonly reason: EndReason };
}

/** Who says so, for the repeat of an outcome: `sent` 0 when the lease was taken. */
export interface SaidBy {
  readonly sent: number;
  /** From 0 to below 1. */
  readonly jitter: number;
  readonly problem?: ErrorCode | undefined;
}

/** What the end of a lease was recorded as, and its job's state (code) after it. */
export interface LeaseEnding {
  readonly recorded: AttemptOutcome;
  readonly problem: ErrorCode | undefined;
  readonly state: number;
}

/** Ends the live lease of a running job; its attempt goes into history. */
export function endLease(step: Step, row: JobRow, end: BadEnd, by: SaidBy): LeaseEnding {
  const ending = row.cancel === 0 ? endingOf(step, row, end, by.jitter) : cancelled(step, row, end, by.jitter);
  const { recorded, error, next } = ending;
  recordAttempt(step, row, Recorded[recorded], error);
  if (row.staged > 0) dropStaged(step, row.seq);
  const problem = by.problem ?? null;
  const change = { ...ending.counts, sent: by.sent, recorded: Recorded[recorded], problem, staged: 0 };
  if (next.kind === "wait") {
    saveJob(step, row, { ...change, state: next.state, run_at: next.runAt });
    return { recorded, problem: by.problem, state: next.state };
  }
  const isDead = next.run === RunCode.DEAD && error !== undefined;
  const fingerprint = isDead ? errorFingerprint(step.mirror.lane(row.lane).type, error) : null;
  const reason = Reason[next.reason];
  const { state } = endRun(step, row, { run: next.run, reason, change: { ...change, fingerprint } });
  return { recorded, problem: by.problem, state };
}

/** Whatever ends a lease but a success, the job was to be cancelled, and is. */
function cancelled(step: Step, row: JobRow, end: BadEnd, jitter: number): Ending {
  const { error } = endingOf(step, row, end, jitter);
  const reason = reasonOf(row.cancel) ?? "REQUESTED";
  return { recorded: "CANCELLED", error, counts: {}, next: { kind: "over", run: RunCode.CANCELLED, reason } };
}

function endingOf(step: Step, row: JobRow, end: BadEnd, jitter: number): Ending {
  switch (end.kind) {
    case "failure":
      return failed(step, row, end, jitter);
    case "discard":
      return {
        recorded: "DISCARDED",
        error: end.error,
        counts: {},
        next: { kind: "over", run: RunCode.DEAD, reason: "DISCARDED" },
      };
    case "snooze":
      return snoozed(step, row, end.delayMs, jitter);
    case "release":
    case "giveBack":
      return {
        recorded: "RELEASED",
        error: undefined,
        counts: { release_count: row.release_count + 1 },
        next: { kind: "wait", state: State.READY, runAt: row.run_at },
      };
    case "crash":
      return crashed(step, row, jitter);
    case "cancel":
      return {
        recorded: "CANCELLED",
        error: end.message === "" ? undefined : { name: "CANCELLED", message: end.message, stack: "" },
        counts: {},
        next: { kind: "over", run: RunCode.CANCELLED, reason: "REQUESTED" },
      };
    default:
      return end satisfies never;
  }
}

function failed(
  step: Step,
  row: JobRow,
  end: Pick<Extract<Outcome, { kind: "failure" }>, "error" | "timedOut" | "retryAfterMs">,
  jitter: number,
): Ending {
  const options = optionsOf(step, row);
  const failures = row.failure_count + 1;
  const waitMs = backoffMs(options.backoff, failures, jitter, end.retryAfterMs);
  return {
    recorded: end.timedOut ? "TIMED_OUT" : "FAILED",
    error: end.error,
    counts: { failure_count: failures },
    next:
      failures >= options.maxAttempts
        ? { kind: "over", run: RunCode.DEAD, reason: "ATTEMPTS_EXHAUSTED" }
        : { kind: "wait", state: State.RETRYING, runAt: step.now + waitMs },
  };
}

function crashed(step: Step, row: JobRow, jitter: number): Ending {
  const options = optionsOf(step, row);
  const crashes = row.crash_count + 1;
  return {
    recorded: "CRASHED",
    error: recordedError("WORKER_LOST"),
    counts: { crash_count: crashes },
    next:
      crashes >= options.crashLimit
        ? { kind: "over", run: RunCode.DEAD, reason: "CRASH_LIMIT" }
        : { kind: "wait", state: State.RETRYING, runAt: step.now + backoffMs(options.backoff, crashes, jitter) },
  };
}

function snoozed(step: Step, row: JobRow, delayMs: number, jitter: number): Ending {
  if (row.snooze_count >= limits.snoozesMax) {
    return failed(step, row, { error: recordedError("SNOOZE_LIMIT"), timedOut: false }, jitter);
  }
  return {
    recorded: "SNOOZED",
    error: undefined,
    counts: { snooze_count: row.snooze_count + 1 },
    next: { kind: "wait", state: State.SCHEDULED, runAt: step.now + delayMs },
  };
}

/** The options that apply to the job now. */
export function optionsOf(
  step: Pick<Step, "mirror" | "defaults">,
  row: Pick<JobRow, "lane" | "max_attempts" | "backoff" | "timeout_ms">,
): ServerDefaults {
  const asked = {
    maxAttempts: row.max_attempts ?? undefined,
    backoff: parseBackoff(row.backoff),
    timeoutMs: row.timeout_ms ?? undefined,
  };
  return effectiveOptions(asked, step.mirror.settingsOf(step.mirror.lane(row.lane).queue), step.defaults);
}
