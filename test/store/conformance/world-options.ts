import type { ErrorCode } from "../../../src/core/errors.ts";
import type { OutcomeKind } from "../../../src/core/job.ts";
import type { SessionRef } from "../../../src/store/session.ts";

export interface ClaimOptions {
  readonly session?: SessionRef;
  readonly jobsMax?: number;
  readonly bytesMax?: number;
  /** Left out: every lane that anything was enqueued to. */
  readonly lanes?: readonly LaneOptions[];
}

export interface LaneOptions {
  readonly queue?: string;
  readonly types?: readonly string[];
  readonly jobsMax?: number;
}

export interface SettleOptions {
  readonly sent?: OutcomeKind;
  readonly jitter?: number;
  readonly problem?: ErrorCode;
}
