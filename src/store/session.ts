import type { EndReason } from "../core/job.ts";
import type { JobId, LeaseId, QueueName, SessionId, TypeName } from "../core/names.ts";
import type { Effects } from "./effects.ts";

export interface SessionRef {
  readonly sessionId: SessionId;
  /** A stale epoch changes nothing. */
  readonly epoch: number;
}

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
