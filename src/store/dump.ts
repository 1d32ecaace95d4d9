import type { ReviveScope } from "../core/chain.ts";
import type { JobDetail } from "../core/job.ts";
import type { LeaseId, SessionId } from "../core/names.ts";
import type { QueueRecord } from "./queue.ts";

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
