import type { EndReason, JobState } from "../core/job.ts";
import type { JobId, LeaseId, QueueName, SessionId, TypeName } from "../core/names.ts";

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
