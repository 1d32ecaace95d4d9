import type { JobDetail, JobSummary, Retention, ServerDefaults } from "../core/job.ts";
import type { JobId, LeaseId, QueueName } from "../core/names.ts";
import type { CancelAnswers, CancelItem, RemoveAnswer, RetryAnswers, RetryItem } from "./change.ts";
import type { CommitAnswer, CommitBatch } from "./commit.ts";
import type { StoreDump } from "./dump.ts";
import type { News, PromoteAnswer, ReapAnswer, UpkeepAnswer } from "./effects.ts";
import type {
  ChainPage,
  ChainRequest,
  ChildFilter,
  ChildResultRecord,
  JobStatus,
  ListFilter,
  Page,
  PageRequest,
} from "./query.ts";
import type { QueueChange, QueueRecord } from "./queue.ts";
import type { NewSession, ResumeAnswer, ResumeRequest, SessionRef } from "./session.ts";
import type { ProgressItem, StageAnswer, StageItem } from "./stage.ts";

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
