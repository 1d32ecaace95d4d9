import { type CascadeKind, type ChainRecord, countsNotOk, type EdgeEnd, type ReviveScope, type Run } from "./chain.ts";
import { type AttemptOutcome, isTerminal, type JobRole, type RetryRefusal } from "./job.ts";

/** What a request to retry does to a job, by its own record alone: `pull` lets it run now, `revive` looks at what is around it. */
export type RetryDecision =
  | { readonly kind: "unchanged" | "pull" | "revive" }
  | { readonly kind: "refused"; readonly why: RetryRefusal };

export function decideRetry(
  job: Pick<ChainRecord, "state"> & { readonly epoch: number },
  expectedEpoch: number | undefined,
): RetryDecision {
  if (expectedEpoch !== undefined && job.epoch > expectedEpoch) return { kind: "unchanged" };
  if (expectedEpoch !== undefined && job.epoch < expectedEpoch) return { kind: "refused", why: "EPOCH" };
  switch (job.state) {
    case "READY":
      return { kind: "unchanged" };
    case "SCHEDULED":
    case "RETRYING":
      return { kind: "pull" };
    case "DEAD":
      return { kind: "revive" };
    case "CANCELLED":
      return { kind: "refused", why: "CANCELLED" };
    case "COMPLETED":
    case "RUNNING":
    case "AWAITING_CHILDREN":
    case "HELD":
      return { kind: "refused", why: "STATE" };
    default:
      return job.state satisfies never;
  }
}

/** Below such an ancestor nothing is revived: it is over for good, or being stopped. */
export function blocksRevival(ancestor: Pick<ChainRecord, "state" | "run" | "cancelRequested">): boolean {
  const over = ancestor.state === "COMPLETED" || ancestor.state === "CANCELLED";
  return over || ancestor.cancelRequested || ancestor.run !== "SUCCEEDED";
}

/** What the nearest ancestor that is still open, and the nodes directly below it, say of a revival. */
export interface OpenAncestor {
  readonly barrierJudged: boolean;
  readonly cascade: CascadeKind | undefined;
  readonly reviving: ReviveScope | undefined;
}

type Sibling = Pick<ChainRecord, "state" | "run" | "cancelRequested"> & { readonly edgeFlipped: boolean | undefined };

/** Why nothing below this open ancestor can be revived now; `siblings` are the nodes directly below it but the one on the way. */
export function openAncestorRefusal(
  ancestor: OpenAncestor,
  siblings: readonly Sibling[],
): Extract<RetryRefusal, "BARRIER" | "BUSY"> | undefined {
  if (ancestor.barrierJudged) return "BARRIER";
  const busy = ancestor.cascade !== undefined || ancestor.reviving !== undefined || siblings.some(isEnding);
  return busy ? "BUSY" : undefined;
}

/** Being cancelled, or ended and not yet counted: how it ends decides whether it is to be brought back. */
function isEnding(node: Sibling): boolean {
  if (isTerminal(node.state)) return node.edgeFlipped !== true;
  return node.cancelRequested || node.run === "CANCELLED" || node.run === "SKIPPED";
}

/** The scope at a job above the revived one: it had judged its barrier when the way down goes through one of its heirs. */
export function scopeAbove(pathRole: JobRole): ReviveScope {
  return pathRole === "HEIR" ? "HEIRS" : "CANCELLED";
}

/** The scope at the revived job itself: a chain that failed is retried with the dead runs in it. */
export function scopeAtRetried(run: Run | undefined): ReviveScope {
  return run === "SUCCEEDED" ? "DEAD" : "CANCELLED";
}

/** The scope at a job that is brought back. */
export function scopeBelow(parentScope: ReviveScope): ReviveScope {
  return parentScope === "DEAD" ? "DEAD" : "CANCELLED";
}

/** Whether a revival of this scope brings the ended node back. */
export function isReviveTarget(scope: ReviveScope, node: EdgeEnd): boolean {
  if (node.role === "CHILD" && scope === "HEIRS") return false;
  if (node.state === "CANCELLED") return node.reason !== "REQUESTED";
  return node.state === "DEAD" && scope === "DEAD";
}

export interface Counters {
  readonly pendingChildren: number;
  readonly pendingHeirs: number;
  readonly childrenNotOk: number;
  readonly heirsNotOk: number;
}

/** The counters of a parent when the ends of these nodes, which it had counted, count no more. */
export function uncount(parent: Counters, ends: readonly EdgeEnd[]): Counters {
  const children = ends.filter((end) => end.role === "CHILD");
  const heirs = ends.filter((end) => end.role === "HEIR");
  return {
    pendingChildren: parent.pendingChildren + children.length,
    pendingHeirs: parent.pendingHeirs + heirs.length,
    childrenNotOk: parent.childrenNotOk - children.filter(countsNotOk).length,
    heirsNotOk: parent.heirsNotOk - heirs.filter(countsNotOk).length,
  };
}

/** The run of a job that ended before was accepted: also of one that was asked to stop when its success came. */
export function wasAccepted(run: Run | undefined, lastRecorded: AttemptOutcome | undefined): boolean {
  return run === "SUCCEEDED" || (run === "SKIPPED" && lastRecorded === "SUCCEEDED");
}
