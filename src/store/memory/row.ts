import type { CascadeKind, ReviveScope, Run } from "../../core/chain.ts";
import type { ErrorCode } from "../../core/errors.ts";
import type {
  AttemptOutcome,
  AttemptRecord,
  EndReason,
  JobSummary,
  NewNode,
  OutcomeKind,
  ProgressRecord,
  Start,
  TypedBytes,
} from "../../core/job.ts";
import type { JobId, LeaseId, QueueName, SessionId, TypeName } from "../../core/names.ts";
import type { QueueSettings } from "../queue.ts";

/** A job as this store keeps it. Never changed in place: a change puts a new row in its place. */
export interface JobRow extends JobSummary {
  /** Rises with every insert: the insertion order. */
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** What its own handler returned. */
  readonly ownResult: TypedBytes | undefined;
  /** The heir whose own result is this job's. */
  readonly resultOf: JobId | undefined;
  readonly metadata: Readonly<Record<string, string>>;
  readonly start: Start;
  readonly position: number;
  readonly run: Run | undefined;
  /** Why its run ended badly or its cancelling was requested, kept apart until it is terminal. */
  readonly ownReason: EndReason | undefined;
  readonly childrenNotOk: number;
  readonly heirsNotOk: number;
  readonly barrierJudged: boolean;
  /** Undefined for a root. */
  readonly edgeFlipped: boolean | undefined;
  readonly propagateDue: boolean;
  readonly cascade: CascadeKind | undefined;
  /** Its cancelling takes every heir with it. */
  readonly cancelHeirs: boolean;
  /** What is still to be brought back below it, and the position of the node that was brought back last. */
  readonly reviving: { readonly scope: ReviveScope; readonly after: number } | undefined;
  readonly progress: ProgressRecord | undefined;
  /** Children under the live lease or, once that was accepted (`due`), not yet put into the chain. */
  readonly staged: { readonly seq: number; readonly nodes: readonly NewNode[]; readonly due: boolean } | undefined;
  /** Its chain is being removed; only of a root. */
  readonly pruning: boolean;
  /** The newest lease; live while the job is RUNNING. */
  readonly lease: LeaseRecord | undefined;
  /** Ended attempts: the first 20 and the last 20. */
  readonly attempts: readonly AttemptRecord[];
}

interface LeaseRecord {
  readonly id: LeaseId;
  readonly sessionId: SessionId;
  readonly principal: string;
  readonly worker: string;
  readonly claimedAt: number;
  /** Undefined while it is live. */
  readonly end: LeaseEndRecord | undefined;
}

export interface LeaseEndRecord {
  /** Undefined: it was taken from its worker. */
  readonly sent: OutcomeKind | undefined;
  readonly recorded: AttemptOutcome;
  readonly problem: ErrorCode | undefined;
}

export interface SessionRow {
  readonly id: SessionId;
  readonly principal: string;
  readonly worker: string;
  readonly instanceId: string;
  readonly epoch: number;
  readonly expiresAt: number;
  /** Leases that the last report named as not started. */
  readonly buffered: ReadonlySet<LeaseId>;
}

export interface QueueRow {
  readonly name: QueueName;
  readonly settings: QueueSettings;
}

/** What is remembered of a root that was removed. */
export interface MemoryRow {
  readonly id: JobId;
  readonly requestId: string | undefined;
  readonly type: TypeName;
  /** Of the payload: SHA-256, hex. */
  readonly digest: string;
  readonly until: number;
}

/** The order of ready jobs within a queue: priority (higher first), run time, insertion. */
export function byTurn(left: JobRow, right: JobRow): number {
  return right.priority - left.priority || left.runAt - right.runAt || left.sequence - right.sequence;
}

/** The order in which waiting jobs become due. */
export function byRunTime(left: JobRow, right: JobRow): number {
  return left.runAt - right.runAt || left.sequence - right.sequence;
}

/** The order in which roots ended. */
export function byEnd(left: JobRow, right: JobRow): number {
  return (left.finishedAt ?? 0) - (right.finishedAt ?? 0) || left.sequence - right.sequence;
}

export function byInsertion(left: JobRow, right: JobRow): number {
  return left.sequence - right.sequence;
}
