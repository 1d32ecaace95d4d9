import type { StorabilityProblem } from "../core/error-text.ts";
import type { NewNode } from "../core/job.ts";
import type { LeaseId } from "../core/names.ts";

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
