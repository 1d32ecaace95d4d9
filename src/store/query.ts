import type { EndReason, JobError, JobRole, JobState, TypedBytes } from "../core/job.ts";
import type { JobId, QueueName, TypeName } from "../core/names.ts";

/** As much of a job as those who wait for it must know. */
export interface JobStatus {
  readonly state: JobState;
  /** Own run accepted or ended for good. */
  readonly ran: boolean;
  /** Rises with every change, also of its progress. */
  readonly version: number;
}

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
