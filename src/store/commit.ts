import type { ErrorCode } from "../core/errors.ts";
import type {
  AttemptOutcome,
  EndReason,
  JobRole,
  JobState,
  NewTree,
  Outcome,
  OutcomeKind,
  TypedBytes,
} from "../core/job.ts";
import type { JobId, LeaseId, QueueName, TypeName } from "../core/names.ts";
import type { Effects } from "./effects.ts";
import type { SessionRef } from "./session.ts";

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
