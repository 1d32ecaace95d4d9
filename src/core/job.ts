import type { JobId, QueueName, TypeName } from "./names.ts";

export const jobStates = [
  "SCHEDULED",
  "READY",
  "RUNNING",
  "RETRYING",
  "AWAITING_CHILDREN",
  "HELD",
  "COMPLETED",
  "DEAD",
  "CANCELLED",
] as const;
export type JobState = (typeof jobStates)[number];
export type TerminalState = "COMPLETED" | "DEAD" | "CANCELLED";

export function isTerminal(state: JobState): state is TerminalState {
  return state === "COMPLETED" || state === "DEAD" || state === "CANCELLED";
}

export type HoldReason = "PARENT" | "BARRIER" | "SCHEMA";
export type JobRole = "ROOT" | "CHILD" | "HEIR";
export type FailurePolicy = "FAIL" | "IGNORE" | "FAIL_FAST";
export type Trigger = "SUCCEEDED" | "ANY_FAILED" | "SETTLED";

/** Why a job is dead. */
export type DeadReason = "ATTEMPTS_EXHAUSTED" | "DISCARDED" | "CRASH_LIMIT" | "CHAIN_FAILED";
/** Why a job is cancelled. */
export type CancelReason =
  | "REQUESTED"
  | "SIBLING_FAILED"
  | "PARENT_FAILED"
  | "PARENT_CANCELLED"
  | "DEPENDENCY_FAILED"
  | "TRIGGER_NOT_MET";
export type EndReason = DeadReason | CancelReason;

export type AttemptOutcome =
  | "SUCCEEDED"
  | "FAILED"
  | "TIMED_OUT"
  | "DISCARDED"
  | "SNOOZED"
  | "RELEASED"
  | "CRASHED"
  | "CANCELLED";

/** A failure as it is kept: already cut to the limits. */
export interface JobError {
  readonly name: string;
  readonly message: string;
  readonly stack: string;
}

/** A protobuf message as opaque bytes. */
export interface TypedBytes {
  readonly type: TypeName;
  readonly bytes: Uint8Array;
}

/** The wait between attempts; see `backoffMs`. Spans in ms. */
export interface BackoffPolicy {
  readonly kind: "EXPONENTIAL" | "LINEAR" | "FIXED";
  readonly initialMs: number;
  readonly maxMs: number;
  readonly multiplier: number;
  /** Share of the wait that is random, 0 to 1. */
  readonly jitter: number;
}

/** What applies where neither request, type nor queue says otherwise. */
export interface ServerDefaults {
  readonly maxAttempts: number;
  readonly backoff: BackoffPolicy;
  readonly timeoutMs: number;
  readonly crashLimit: number;
}

export const serverDefaults: ServerDefaults = {
  maxAttempts: 5,
  backoff: { kind: "EXPONENTIAL", initialMs: 1_000, maxMs: 600_000, multiplier: 2, jitter: 1 },
  timeoutMs: 30 * 60_000,
  crashLimit: 3,
};

/** How long an ended chain is kept, by the state of its root; spans in ms. */
export interface Retention {
  readonly completedMs: number;
  readonly cancelledMs: number;
  readonly deadMs: number;
}

const dayMs = 86_400_000;

export const defaultRetention: Retention = { completedMs: dayMs, cancelledMs: dayMs, deadMs: 30 * dayMs };

/** How long a removed root's id and request id still answer repeats, in ms. */
export const rememberedMs: number = dayMs;

/**
 * Why a job cannot be retried. STATE: it is neither dead nor waiting. CANCELLED: it was cancelled. NOTHING_DEAD: its chain failed
 * by a cancelled job alone. ANCESTOR: one above it is completed, cancelled or asked to stop. BARRIER: heirs of the nearest open
 * ancestor are under way. BUSY: jobs near it are just being cancelled or brought back. EPOCH: its epoch is older than expected.
 */
export type RetryRefusal = "STATE" | "CANCELLED" | "NOTHING_DEAD" | "ANCESTOR" | "BARRIER" | "BUSY" | "EPOCH";

/** When a job may start: at a time (ms since the epoch; past means now) or so long after its insert or release. */
export type Start =
  | { readonly kind: "now" }
  | { readonly kind: "at"; readonly timeMs: number }
  | { readonly kind: "after"; readonly delayMs: number };

/** A job to be inserted: checked, its options resolved from request and type (undefined: queue or server decides). */
export interface NewJob {
  readonly id: JobId;
  readonly requestId?: string | undefined;
  readonly payload: TypedBytes;
  readonly queue: QueueName;
  /** Undefined: inherited from the parent, 0 for a root. */
  readonly priority?: number | undefined;
  readonly start: Start;
  readonly maxAttempts?: number | undefined;
  readonly backoff?: BackoffPolicy | undefined;
  readonly timeoutMs?: number | undefined;
  /** Undefined: inherited from the parent. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
  /** SHA-256 of the type's descriptors, hex; empty when unknown. */
  readonly schemaId: string;
  /** Who enqueues; empty without authentication. */
  readonly principal: string;
}

/** What a job is to its parent. */
export interface Edge {
  readonly role: "CHILD" | "HEIR";
  /** Unique within the parent; empty when not given. */
  readonly key: string;
  readonly policy: FailurePolicy;
  /** Meaningful for heirs; SUCCEEDED for children. */
  readonly trigger: Trigger;
  readonly asResult: boolean;
}

/** A job below another, with its edge. A handler declares a flat list of them, all directly below its own job. */
export interface NewNode {
  readonly edge: Edge;
  readonly job: NewJob;
}

/** A node of a static tree. */
export interface TreeNode extends NewNode {
  /** Position of its parent: 0 is the root, n is nodes[n - 1]; parents stand before their children. */
  readonly parentIndex: number;
}

/** A root with all that is enqueued below it; a plain job has no nodes. Checked by `checkTree`. */
export interface NewTree {
  readonly root: NewJob;
  readonly nodes: readonly TreeNode[];
}

/** How an attempt ended, as the worker (or the broker for it) says. */
export type Outcome =
  | {
      readonly kind: "success";
      readonly result?: TypedBytes | undefined;
      /** Only heirs when children were staged. */
      readonly nodes: readonly NewNode[];
      /** Children that were staged under the lease; none when left out. */
      readonly staged?: number | undefined;
    }
  | {
      readonly kind: "failure";
      readonly error: JobError;
      /** The handler's own wait in ms; taken when it is over 0 and at most `limits.backoffMsMax`, else the policy decides. */
      readonly retryAfterMs?: number | undefined;
      readonly timedOut: boolean;
    }
  | { readonly kind: "discard"; readonly error: JobError }
  | { readonly kind: "snooze"; readonly delayMs: number }
  | { readonly kind: "release" }
  | { readonly kind: "cancel"; readonly message: string };

export type OutcomeKind = Outcome["kind"];

/** One attempt as history keeps it. Times in ms since the epoch. */
export interface AttemptRecord {
  readonly number: number;
  /** Undefined while it runs. */
  readonly outcome: AttemptOutcome | undefined;
  readonly sessionId: string;
  readonly worker: string;
  readonly claimedAt: number;
  readonly endedAt: number | undefined;
  readonly error: JobError | undefined;
  readonly epoch: number;
}

/** What a handler last said of how far it is. */
export interface ProgressRecord {
  readonly attempt: number;
  readonly bytes: Uint8Array;
  readonly at: number;
}

/** A job without its payload, result and history. Times in ms since the epoch. */
export interface JobSummary {
  readonly id: JobId;
  readonly type: TypeName;
  readonly queue: QueueName;
  readonly state: JobState;
  readonly hold: HoldReason | undefined;
  /** Set when dead or cancelled. */
  readonly reason: EndReason | undefined;
  readonly priority: number;
  readonly runAt: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Own run accepted or ended for good. */
  readonly ranAt: number | undefined;
  readonly finishedAt: number | undefined;
  readonly version: number;
  readonly epoch: number;
  readonly attempt: number;
  readonly failureCount: number;
  readonly crashCount: number;
  readonly snoozeCount: number;
  readonly releaseCount: number;
  readonly maxAttempts: number | undefined;
  readonly backoff: BackoffPolicy | undefined;
  readonly timeoutMs: number | undefined;
  readonly rootId: JobId;
  readonly parentId: JobId | undefined;
  readonly role: JobRole;
  readonly depth: number;
  readonly key: string;
  readonly policy: FailurePolicy;
  readonly trigger: Trigger;
  readonly asResult: boolean;
  readonly pendingChildren: number;
  readonly pendingHeirs: number;
  readonly cancelRequested: boolean;
  readonly schemaId: string;
  readonly payloadBytes: number;
  readonly principal: string;
  readonly requestId: string | undefined;
  readonly errorFingerprint: string | undefined;
}

/** A job with everything. */
export interface JobDetail extends JobSummary {
  readonly payload: TypedBytes;
  readonly result: TypedBytes | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  /** The first 20 and the last 20, oldest first; the running one last. */
  readonly attempts: readonly AttemptRecord[];
  readonly attemptsOmitted: number;
  readonly progress: ProgressRecord | undefined;
}
