import type { ReviveScope } from "../core/chain.ts";
import type { StorabilityProblem } from "../core/error-text.ts";
import type { ErrorCode } from "../core/errors.ts";
import type {
  AttemptOutcome,
  BackoffPolicy,
  EndReason,
  JobDetail,
  JobError,
  JobRole,
  JobState,
  JobSummary,
  NewNode,
  NewTree,
  Outcome,
  OutcomeKind,
  Retention,
  RetryRefusal,
  ServerDefaults,
  TypedBytes,
} from "../core/job.ts";
import type { JobId, LeaseId, QueueName, SessionId, TypeName } from "../core/names.ts";

/**
 * THE contract of a store: the verbs of a job's life, batch-shaped.
 *
 * Every write verb is one atomic, durable step: when it resolves, the change is committed at the store's durability. When it
 * throws STORE_UNAVAILABLE its change was made wholly or not at all, and which is unknown: the same call again is safe (a claim
 * says `again`). When it throws anything else (STORE_FULL, STORE_CORRUPT) nothing was changed. Expected outcomes are answers, never errors.
 * A store that is split into shards keeps each chain whole on one: there a commit is one such step per shard, and every item of
 * it is atomic by itself.
 * Several brokers may use one store at a time where its kind allows (PostgreSQL, Redis).
 * A store reads its own clock; no verb takes the time. Input was checked by the caller (`core/check.ts`): names, sizes, tree shape.
 */
export interface Store {
  readonly description: StoreDescription;

  /** The one write verb of the hot path: does all of `batch` in one transaction, in the order renew, settle, insert, claim. */
  commit(batch: CommitBatch): Promise<CommitAnswer>;

  /** Begins a session at epoch 1 that lives for `ttlMs`; one that is open already stays as it is. */
  openSession(session: NewSession): Promise<void>;
  /** Takes over a session: raises its epoch, renews it, and matches the worker's leases with the store's. */
  resumeSession(request: ResumeRequest): Promise<ResumeAnswer>;
  /** The stream was lost: the session now ends `graceMs` from now, or when it would have, whichever is earlier. */
  detachSession(request: SessionRef & { readonly graceMs: number }): Promise<void>;
  /** The worker said goodbye: ends the session; its leases go back free. */
  closeSession(request: SessionRef): Promise<UpkeepAnswer>;

  /** Makes at most `max` due jobs (SCHEDULED, RETRYING) claimable. */
  promote(request: { readonly max: number }): Promise<PromoteAnswer>;
  /**
   * Ends expired sessions and deals with at most `max` of their leases: those that the session's last report named as buffered
   * go back free, every other is a crash, in the order of their jobs' insertion, back-off drawn by `jitterOf(jitter, index)`. Also frees leases named as buffered for longer than `bufferedMsMax`.
   */
  reap(request: { readonly max: number; readonly bufferedMsMax: number; readonly jitter: number }): Promise<ReapAnswer>;
  /** Carries the end of at most `max` jobs marked `propagateDue` to their parents, one level. */
  propagate(request: { readonly max: number }): Promise<UpkeepAnswer>;
  /** Works off what is due below jobs: brings back what a revival reopened, then cancels (FAIL_FAST, a parent that died, was skipped or cancelled): at most `max` rows. */
  cascade(request: { readonly max: number }): Promise<UpkeepAnswer>;
  /** Puts at most `max` staged children of accepted results into their chains. */
  expand(request: { readonly max: number }): Promise<UpkeepAnswer>;
  /** Removes chains whose retention is over and forgets what is remembered of removed roots: at most `max` jobs and `max` memories. */
  prune(request: { readonly max: number }): Promise<UpkeepAnswer>;

  /** Cancels jobs by request, one level; `cascade` does the rest. Each item is atomic by itself. At most 1,000. */
  cancel(items: readonly CancelItem[]): Promise<CancelAnswers>;
  /** Revives dead jobs with the path above them, pulls waiting ones forward; each item is atomic by itself. At most 1,000. */
  retry(items: readonly RetryItem[]): Promise<RetryAnswers>;
  /** Removes terminal chains, each by its root: at most `max` jobs now, `prune` does the rest. */
  remove(roots: readonly JobId[], request: { readonly max: number }): Promise<readonly RemoveAnswer[]>;

  /** Keeps children of running jobs, invisible, until their success is accepted. One frame of one lease each; at most 1,000 nodes in all. */
  stage(items: readonly StageItem[]): Promise<readonly StageAnswer[]>;
  /** Keeps the newest progress of running jobs; a lease that is not live changes nothing. */
  report(items: readonly ProgressItem[]): Promise<void>;

  getJob(id: JobId): Promise<JobDetail | undefined>;
  /** One page in the order of `ListFilter`; may be short and still have a cursor. */
  listJobs(filter: ListFilter, page: PageRequest): Promise<Page<JobSummary>>;
  /** The chain below (and with) a job, see ChainNodeRecord; undefined: no such job. */
  getChain(id: JobId, request: ChainRequest): Promise<ChainPage | undefined>;
  /** Children of the job whose heir holds this live lease; undefined: the lease is not live, or not an heir's. */
  listChildResults(
    leaseId: LeaseId,
    filter: ChildFilter,
    page: PageRequest,
  ): Promise<Page<ChildResultRecord> | undefined>;

  /** Who opened the session that this lease was given to, also after either has ended; undefined: it is not its job's newest lease. */
  leasePrincipal(leaseId: LeaseId): Promise<string | undefined>;

  /** How these jobs stand now, each at the index of its id; undefined: no such job. At most 1,000 ids. */
  getStatuses(ids: readonly JobId[]): Promise<readonly (JobStatus | undefined)[]>;

  /** Undefined: no job was ever in it and nothing was ever set. */
  getQueue(name: QueueName): Promise<QueueRecord | undefined>;
  /** Sets what `change` names (undefined inside: cleared) and makes the queue when it is new. */
  updateQueue(name: QueueName, change: QueueChange): Promise<QueueRecord>;

  /** The store's own clock, in ms since the epoch: of the shard that is ahead of the others. Also shows that the store can be reached. */
  readTime(): Promise<number>;
  /** Tells the other brokers of this store, soon and outside of any job's change. A hint: may be lost, cut short or late; never throws. */
  announce(news: News): void;
  /**
   * Calls `listener` with what other brokers announce until the function it answers is called; with undefined when news may
   * have been missed (the connection that brings them was lost and is back). Of one broker's own news it hears nothing.
   */
  listen(listener: (news: News | undefined) => void): () => void;

  /** Everything, in a form that is the same for every store. For tests and the doctor: unbounded. */
  dump(): Promise<StoreDump>;
  /** Ends all use; later calls throw CLOSED. */
  close(): Promise<void>;
}

/** What every driver is opened with. */
export interface StoreOptions {
  readonly defaults: ServerDefaults;
  /** `defaultRetention` when left out. */
  readonly retention?: Retention | undefined;
  /** Milliseconds since the epoch; only tests give one. */
  readonly clock?: () => number;
}

export interface StoreDescription {
  readonly kind: "memory" | "sqlite" | "postgres" | "redis";
  /** Where, without credentials: shown at start. */
  readonly location: string;
  /** What an acknowledgement means here, in one line: shown at start. */
  readonly durability: string;
  /** Commits that may be under way at a time to its gain; 1 when left out. */
  readonly flights?: number | undefined;
}

// ---- commit ------------------------------------------------------------------------------------------------------------

export interface CommitBatch {
  readonly renew: readonly RenewItem[];
  readonly settle: readonly SettleItem[];
  readonly insert: readonly InsertItem[];
  readonly claim: readonly ClaimItem[];
}

/** Answers stand at the index of their item. */
export interface CommitAnswer {
  readonly renewed: readonly RenewAnswer[];
  readonly settled: readonly SettleAnswer[];
  readonly inserted: readonly InsertAnswer[];
  readonly claimed: readonly ClaimAnswer[];
  readonly effects: Effects;
}

/** A queue and a type: the unit that workers subscribe to. */
export interface Lane {
  readonly queue: QueueName;
  readonly type: TypeName;
}

/** What a write did beyond its answers: all of it hints, polling finds the same. */
export interface Effects {
  /** Lanes that got claimable jobs. */
  readonly readied: readonly Lane[];
  /** Jobs whose own run was accepted or which turned terminal; one entry a job. */
  readonly ended: readonly { readonly id: JobId; readonly state: JobState }[];
  /** Running jobs that should be stopped. */
  readonly cancels: readonly { readonly sessionId: SessionId; readonly leaseId: LeaseId; readonly reason: EndReason }[];
  /** `propagate` has work. */
  readonly propagateDue: boolean;
  /** `cascade` has work. */
  readonly cascadeDue: boolean;
  /** `expand` has work. */
  readonly expandDue: boolean;
  /** Earliest run time that was set, in ms since the epoch: `promote` has work then. */
  readonly dueAt: number | undefined;
}

/** What brokers of one store tell each other; lists may be cut short. */
export interface News {
  /** Lanes that got claimable jobs. */
  readonly readied: readonly Lane[];
  /** Jobs whose own run was accepted or which turned terminal. */
  readonly ended: readonly JobId[];
  /** Running jobs that should be stopped: no more than a reason to renew their sessions, whose answers say so for sure. */
  readonly cancels: Effects["cancels"];
}

/** As much of a job as those who wait for it must know. */
export interface JobStatus {
  readonly state: JobState;
  /** Own run accepted or ended for good. */
  readonly ran: boolean;
  /** Rises with every change, also of its progress. */
  readonly version: number;
}

export interface SessionRef {
  readonly sessionId: SessionId;
  /** A stale epoch changes nothing. */
  readonly epoch: number;
}

/** Renews a session and replaces the stored set of leases that its worker named as buffered. */
export interface RenewItem extends SessionRef {
  readonly ttlMs: number;
  readonly buffered: readonly LeaseId[];
}

/**
 * `gone`: reaped, closed or taken over by a newer stream. `cancels`: all leases of the session whose job should be stopped,
 * however long ago that was asked for: who missed the hint finds it here.
 */
export type RenewAnswer =
  | {
      readonly kind: "renewed";
      readonly cancels: readonly { readonly leaseId: LeaseId; readonly reason: EndReason }[];
    }
  | { readonly kind: "gone" };

export interface SettleItem {
  readonly leaseId: LeaseId;
  readonly outcome: Outcome;
  /** What the worker sent, when the broker had to make another outcome of it (a result that cannot be stored); else the outcome's kind. */
  readonly sent: OutcomeKind;
  /** From 0 to below 1: the random part of a back-off, drawn by the caller so that stores stay deterministic. */
  readonly jitter: number;
  /** Why the broker did so: recorded, and given again when the same result is repeated. */
  readonly problem?: ErrorCode | undefined;
}

/**
 * `accepted`: it counts. `repeated`: the same kind of outcome was accepted before; nothing changed. `conflict`: another kind was.
 * `lost`: the lease is not the job's newest, or the job is gone.
 * `recorded` is what history says; `problem` is set when that is not what was sent (TOO_MANY_CHILDREN, CHAIN_TOO_DEEP, …).
 */
export type SettleAnswer =
  | {
      readonly kind: "accepted" | "repeated";
      readonly jobId: JobId;
      readonly recorded: AttemptOutcome;
      readonly state: JobState;
      readonly problem: ErrorCode | undefined;
    }
  | { readonly kind: "conflict"; readonly jobId: JobId; readonly recorded: AttemptOutcome }
  | { readonly kind: "lost" };

/** Trees that are inserted together or not at all; one plain job is one tree without nodes. */
export interface InsertItem {
  readonly trees: readonly NewTree[];
}

/**
 * Repeats (same id or request id, same type and payload of the root) are `deduplicated`, whatever else differs.
 * `refused`: nothing of the item was inserted; `index` is the tree that stands in the way. ATOMIC_SPANS_SHARDS: that tree's root
 * belongs to another shard than the first one's, and only what is on one shard can be inserted together. SERVER_BUSY: a transaction
 * of someone else, which is still open, holds its id or request id; nobody knows yet whether it exists.
 */
export type InsertAnswer =
  | { readonly kind: "inserted"; readonly roots: readonly { readonly id: JobId; readonly deduplicated: boolean }[] }
  | {
      readonly kind: "refused";
      readonly index: number;
      readonly code: "JOB_ID_EXISTS" | "REQUEST_ID_REUSED" | "ATOMIC_SPANS_SHARDS" | "SERVER_BUSY";
      readonly id: JobId;
    };

/** Leases ready jobs to a session. Order within a queue: priority (higher first), run time, insertion. */
export interface ClaimItem extends SessionRef {
  /** Random, never used before but by the same claim sent `again`: the store makes lease ids from it. */
  readonly nonce: string;
  /** An earlier try with this nonce may have been committed: the leases that it made and that are still held are the answer, in the order of their jobs' insertion, and nothing more is claimed; none: claims as usual. */
  readonly again?: boolean | undefined;
  readonly jobsMax: number;
  /** Payload bytes: the claim stops before exceeding them, but takes at least one job. Infinity: no bound. */
  readonly bytesMax: number;
  readonly lanes: readonly {
    readonly queue: QueueName;
    readonly types: readonly TypeName[];
    readonly jobsMax: number;
  }[];
}

export type ClaimAnswer = { readonly kind: "claimed"; readonly leases: readonly Lease[] } | { readonly kind: "gone" };

/** A job in the hands of a session, with all that its handler gets; request, type, queue and server options resolved. */
export interface Lease {
  readonly leaseId: LeaseId;
  readonly jobId: JobId;
  readonly payload: TypedBytes;
  readonly queue: QueueName;
  readonly attempt: number;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly failureCount: number;
  readonly priority: number;
  readonly rootId: JobId;
  readonly parentId: JobId | undefined;
  readonly role: JobRole;
  readonly depth: number;
  readonly key: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: number;
}

// ---- sessions ----------------------------------------------------------------------------------------------------------

export interface NewSession {
  readonly sessionId: SessionId;
  readonly principal: string;
  /** Shown to operators. */
  readonly worker: string;
  readonly instanceId: string;
  readonly ttlMs: number;
}

export interface ResumeRequest {
  readonly sessionId: SessionId;
  readonly principal: string;
  readonly ttlMs: number;
  /** Received and not yet acknowledged; `buffered` replaces the stored set. */
  readonly held: readonly { readonly leaseId: LeaseId; readonly buffered: boolean }[];
}

/** `gone`: ended, unknown, or another principal's. Leases that only the store knew went back free. */
export type ResumeAnswer =
  | { readonly kind: "gone" }
  | {
      readonly kind: "resumed";
      readonly epoch: number;
      /** On both sides. `claimedAt` bounds what the worker says of elapsed time; both in ms. */
      readonly kept: readonly KeptLease[];
      /** The worker's only. */
      readonly lost: readonly LeaseId[];
      readonly effects: Effects;
    };

export interface KeptLease {
  readonly leaseId: LeaseId;
  readonly jobId: JobId;
  readonly type: TypeName;
  readonly queue: QueueName;
  readonly payloadBytes: number;
  readonly timeoutMs: number;
  /** Milliseconds since the claim, on the store's clock. */
  readonly sinceClaimMs: number;
  /** Set: its handler should be stopped. */
  readonly cancelReason: EndReason | undefined;
}

// ---- upkeep ------------------------------------------------------------------------------------------------------------

export interface UpkeepAnswer {
  /** Rows worked on. */
  readonly count: number;
  /** There is more to do now. */
  readonly more: boolean;
  readonly effects: Effects;
}

export interface PromoteAnswer extends UpkeepAnswer {
  /** Milliseconds until the next job is due; undefined: none is waiting. */
  readonly nextInMs: number | undefined;
}

export interface ReapAnswer extends UpkeepAnswer {
  /** Sessions that were ended here. */
  readonly sessions: readonly SessionId[];
  /** Leases of living sessions that were taken back (buffered for too long). */
  readonly taken: readonly { readonly sessionId: SessionId; readonly leaseId: LeaseId }[];
}

// ---- asked for by users ------------------------------------------------------------------------------------------------

export interface CancelItem {
  readonly id: JobId;
  /** No heir below runs, whatever its trigger. */
  readonly includeHeirs: boolean;
}

export interface CancelAnswers {
  readonly answers: readonly CancelAnswer[];
  readonly effects: Effects;
}

/** `changed` is false for a job that is terminal, or that was asked to stop before. */
export type CancelAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "cancelled"; readonly state: JobState; readonly changed: boolean };

export interface RetryItem {
  readonly id: JobId;
  /** The epoch that the caller saw: of a job that has moved on to a newer one nothing changes. */
  readonly expectedEpoch?: number | undefined;
}

export interface RetryAnswers {
  readonly answers: readonly RetryAnswer[];
  readonly effects: Effects;
}

/**
 * `unchanged`: it is READY already, or its epoch is newer than expected. `refused`: see RetryRefusal; `blocker` is the job that
 * stands in the way, where it is another.
 */
export type RetryAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "retried" | "unchanged"; readonly state: JobState; readonly epoch: number }
  | {
      readonly kind: "refused";
      readonly why: RetryRefusal;
      readonly state: JobState;
      readonly blocker: JobId | undefined;
    };

/** `missing` also when its chain is being removed already. `below`: it is not a root. `more`: the rest goes with `prune`. */
export type RemoveAnswer =
  | { readonly kind: "missing" }
  | { readonly kind: "open"; readonly state: JobState }
  | { readonly kind: "below"; readonly rootId: JobId }
  | { readonly kind: "removed"; readonly count: number; readonly more: boolean };

export interface StageItem {
  readonly leaseId: LeaseId;
  /** Counts up from 1 within the lease. */
  readonly seq: number;
  /** Children only, at most `limits.declarationsMax` of at most `limits.declarationBytesMax`. */
  readonly nodes: readonly NewNode[];
}

/** `staged`: kept, now or by an earlier try; `total` of the lease so far. `gap`: a frame before it is missing. `lost`: the lease is not live. */
export type StageAnswer =
  | { readonly kind: "staged"; readonly total: number }
  | { readonly kind: "gap"; readonly expected: number }
  | { readonly kind: "refused"; readonly problem: StorabilityProblem }
  | { readonly kind: "lost" };

export interface ProgressItem {
  readonly leaseId: LeaseId;
  /** Opaque, at most `limits.progressBytesMax`. */
  readonly bytes: Uint8Array;
}

// ---- reads -------------------------------------------------------------------------------------------------------------

/** All that is set must match. Newest first; with `parentId`, in declaration order. */
export interface ListFilter {
  readonly rootId?: JobId | undefined;
  readonly parentId?: JobId | undefined;
  readonly queue?: QueueName | undefined;
  readonly type?: TypeName | undefined;
  /** Empty: any. */
  readonly states: readonly JobState[];
  /** False: jobs whose reason is CHAIN_FAILED are left out. */
  readonly includeChainFailed: boolean;
  readonly errorFingerprint?: string | undefined;
  /** Only jobs that changed at this time or later, in ms since the epoch. */
  readonly updatedSince?: number | undefined;
  /** Only roots. */
  readonly rootsOnly?: boolean | undefined;
}

export interface PageRequest {
  readonly size: number;
  /** Of the page before; opaque, only for the same filter. */
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor: string | undefined;
}

export interface ChainRequest extends PageRequest {
  readonly depthMax: number;
}

export interface ChainPage extends Page<ChainNodeRecord> {
  readonly rootId: JobId;
  /** On the first page: all jobs at and below the one asked for. */
  readonly totals: readonly { readonly state: JobState; readonly count: number }[] | undefined;
}

/** A job that has something below it, or all leaves with the same parent, role, type and state. A parent stands before what is below it. */
export interface ChainNodeRecord {
  readonly id: JobId;
  readonly parentId: JobId | undefined;
  readonly count: number;
  readonly type: TypeName;
  readonly state: JobState;
  readonly role: JobRole;
  readonly trigger: "SUCCEEDED" | "ANY_FAILED" | "SETTLED";
  readonly reason: EndReason | undefined;
  readonly key: string;
  /** Edges below the job asked for. */
  readonly depth: number;
  readonly pendingChildren: number;
  readonly pendingHeirs: number;
}

export interface ChildFilter {
  readonly type?: TypeName | undefined;
  readonly completedOnly: boolean;
  /** The page ends before it exceeds this, but holds at least one child. */
  readonly bytesMax: number;
}

export interface ChildResultRecord {
  readonly jobId: JobId;
  readonly type: TypeName;
  readonly key: string;
  readonly state: JobState;
  readonly reason: EndReason | undefined;
  readonly result: TypedBytes | undefined;
  readonly error: JobError | undefined;
}

// ---- queues ------------------------------------------------------------------------------------------------------------

/** Undefined: the server's default (maxConcurrency: no limit). */
export interface QueueSettings {
  readonly paused: boolean;
  readonly maxConcurrency: number | undefined;
  readonly maxAttempts: number | undefined;
  readonly backoff: BackoffPolicy | undefined;
  readonly timeoutMs: number | undefined;
  readonly crashLimit: number | undefined;
  /** How long chains whose root is in this queue are kept after their end, by its state. */
  readonly completedRetentionMs: number | undefined;
  readonly cancelledRetentionMs: number | undefined;
  readonly deadRetentionMs: number | undefined;
}

/** Only the named keys are set. */
export type QueueChange = { readonly [Key in keyof QueueSettings]?: QueueSettings[Key] };

export interface QueueRecord {
  readonly name: QueueName;
  readonly settings: QueueSettings;
  /** Kept counters, per type; states without jobs may be left out. */
  readonly lanes: readonly { readonly type: TypeName; readonly counts: Readonly<Partial<Record<JobState, number>>> }[];
  /** How long the longest-ready job has been claimable, in ms. */
  readonly oldestWaitMs: number | undefined;
}

// ---- dump --------------------------------------------------------------------------------------------------------------

export interface StoreDump {
  readonly jobs: readonly DumpedJob[];
  readonly sessions: readonly {
    readonly id: SessionId;
    readonly epoch: number;
    readonly expiresAt: number;
    readonly buffered: readonly LeaseId[];
  }[];
  readonly queues: readonly QueueRecord[];
}

/** A job with what only the machinery knows. */
export interface DumpedJob extends JobDetail {
  readonly leaseId: LeaseId | undefined;
  readonly sessionId: SessionId | undefined;
  /** Order among the nodes declared by one parent. */
  readonly position: number;
  /** Its edge to its parent has flipped: its end was counted there. Undefined for a root. */
  readonly edgeFlipped: boolean | undefined;
  readonly propagateDue: boolean;
  /** How its own run ended; undefined before that. */
  readonly run: "SUCCEEDED" | "DEAD" | "CANCELLED" | "SKIPPED" | undefined;
  /** Children that ended NOT_OK (their policy is not IGNORE). */
  readonly childrenNotOk: number;
  /** Heirs that ended DEAD or CANCELLED by request (their policy is not IGNORE). */
  readonly heirsNotOk: number;
  /** Its heirs have been judged since its barrier opened. */
  readonly barrierJudged: boolean;
  /** Cancelling was asked for with its heirs. */
  readonly cancelHeirs: boolean;
  /** What `cascade` still brings back below it. */
  readonly reviving: ReviveScope | undefined;
  /** Children staged under its live lease or, once its run was accepted, not yet put into the chain. */
  readonly staged: number;
  /** Its chain is being removed; only of a root. */
  readonly pruning: boolean;
}
