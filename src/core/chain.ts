import type {
  CancelReason,
  DeadReason,
  EndReason,
  FailurePolicy,
  JobRole,
  JobState,
  TerminalState,
  Trigger,
} from "./job.ts";
import { isTerminal } from "./job.ts";

/** How a job's own run ended: accepted, dead, cancelled, or never wanted (nothing below it may run then). */
export type Run = "SUCCEEDED" | "DEAD" | "CANCELLED" | "SKIPPED";

/** What may still run below a job whose own run is over: everything, only what asks for SETTLED or ANY_FAILED, nothing. */
export type BelowMode = "RUN" | "SETTLED_ONLY" | "NOTHING";

/** Work that is due below a job, in steps; BELOW (its run ended badly, or it was cancelled) wins over FAIL_FAST. */
export type CascadeKind = "BELOW" | "FAIL_FAST";

/**
 * What a revival brings back below a job, from few to many: its heirs that were skipped or cancelled by a cascade; also its
 * children that a cascade cancelled; also its dead children and heirs.
 */
export type ReviveScope = "HEIRS" | "CANCELLED" | "DEAD";

/** What the decisions about a chain need to know of a job. `ownReason` is kept apart until the job is terminal. */
export interface ChainRecord {
  readonly state: JobState;
  readonly role: JobRole;
  readonly policy: FailurePolicy;
  readonly trigger: Trigger;
  readonly run: Run | undefined;
  readonly ownReason: EndReason | undefined;
  readonly cancelRequested: boolean;
  /** Its cancelling takes every heir with it. */
  readonly cancelHeirs: boolean;
  readonly pendingChildren: number;
  readonly pendingHeirs: number;
  readonly childrenNotOk: number;
  readonly heirsNotOk: number;
}

/** What may run below a job whose own run ended so. */
export function belowMode(parent: Pick<ChainRecord, "run" | "cancelRequested" | "cancelHeirs">): BelowMode {
  switch (parent.run) {
    case "SUCCEEDED":
      return parent.cancelRequested ? cancelledMode(parent) : "RUN";
    case "CANCELLED":
      return cancelledMode(parent);
    case "DEAD":
    case "SKIPPED":
      return "NOTHING";
    case undefined:
      throw new Error("the own run of the job is not over");
    default:
      return parent.run satisfies never;
  }
}

function cancelledMode(parent: Pick<ChainRecord, "cancelHeirs">): BelowMode {
  return parent.cancelHeirs ? "NOTHING" : "SETTLED_ONLY";
}

/** The reason of what is cancelled below a job. */
export function reasonBelow(parent: Pick<ChainRecord, "run" | "ownReason">): CancelReason {
  return parent.run === "DEAD" || parent.ownReason === "PARENT_FAILED" ? "PARENT_FAILED" : "PARENT_CANCELLED";
}

/**
 * What cancelling does to one job: `request` only sets its flag, `end` ends its own run and moves it, `widen` takes the heirs of
 * one that is being cancelled, too. `heirs`: see `cancelHeirs`; `cascade`: nodes below are to be seen to.
 */
export type CancelDecision =
  | { readonly kind: "nothing" }
  | { readonly kind: "request" | "widen"; readonly heirs: boolean; readonly cascade: boolean }
  | {
      readonly kind: "end";
      readonly run: "CANCELLED" | "SKIPPED";
      readonly state: "CANCELLED" | "AWAITING_CHILDREN";
      readonly heirs: boolean;
      readonly cascade: boolean;
    };

export interface CancelCause {
  /** What the parent lets run; RUN when nothing above the job is at fault. */
  readonly parentMode: BelowMode;
  /** Asked for with all heirs. */
  readonly includeHeirs?: boolean | undefined;
}

/** Cancels a job as its parent's mode or a request asks. Repeating it changes nothing. */
export function decideCancel(job: ChainRecord, cause: CancelCause): CancelDecision {
  const heirs = cause.includeHeirs === true || cause.parentMode === "NOTHING";
  switch (job.state) {
    case "COMPLETED":
    case "DEAD":
    case "CANCELLED":
      return { kind: "nothing" };
    case "RUNNING":
      if (!job.cancelRequested) return { kind: "request", heirs, cascade: false };
      return heirs && !job.cancelHeirs ? { kind: "widen", heirs, cascade: false } : { kind: "nothing" };
    case "AWAITING_CHILDREN":
      switch (belowMode(job)) {
        case "RUN":
          return { kind: "request", heirs, cascade: true };
        case "SETTLED_ONLY":
          return heirs ? { kind: "widen", heirs, cascade: true } : { kind: "nothing" };
        default:
          return { kind: "nothing" }; // all below is going already
      }
    case "SCHEDULED":
    case "READY":
    case "RETRYING":
    case "HELD": {
      const open = hasOpenBelow(job);
      return {
        kind: "end",
        run: cause.parentMode === "NOTHING" ? "SKIPPED" : "CANCELLED",
        state: open ? "AWAITING_CHILDREN" : "CANCELLED",
        heirs,
        cascade: open,
      };
    }
    default:
      return job.state satisfies never;
  }
}

/** A child or heir of the job is not yet terminal, or its end is not yet counted. */
export function hasOpenBelow(job: Pick<ChainRecord, "pendingChildren" | "pendingHeirs">): boolean {
  return job.pendingChildren + job.pendingHeirs > 0;
}

/** Whether a due cascade of the parent has something to do with this node. */
export function cascadeTouches(kind: CascadeKind, mode: BelowMode, node: ChainRecord): boolean {
  if (decideCancel(node, { parentMode: mode }).kind === "nothing") return false;
  if (node.role === "CHILD") return true;
  return kind === "BELOW" && (mode === "NOTHING" || node.trigger === "SUCCEEDED");
}

/** What becomes of a held heir when its barrier opens. */
export type HeirDecision =
  | { readonly kind: "release" }
  | { readonly kind: "cancel" }
  | { readonly kind: "skip"; readonly reason: "DEPENDENCY_FAILED" | "TRIGGER_NOT_MET" };

/** Judges one heir: SUCCEEDED holds when no child is NOT_OK, ANY_FAILED is its negation, SETTLED always. */
export function decideHeir(mode: BelowMode, trigger: Trigger, childrenNotOk: number): HeirDecision {
  if (mode === "NOTHING" || (mode === "SETTLED_ONLY" && trigger === "SUCCEEDED")) return { kind: "cancel" };
  switch (trigger) {
    case "SUCCEEDED":
      return childrenNotOk === 0 ? { kind: "release" } : { kind: "skip", reason: "DEPENDENCY_FAILED" };
    case "ANY_FAILED":
      return childrenNotOk > 0 ? { kind: "release" } : { kind: "skip", reason: "TRIGGER_NOT_MET" };
    case "SETTLED":
      return { kind: "release" };
    default:
      return trigger satisfies never;
  }
}

/** The end of one child or heir, as its parent counts it. */
export interface EdgeEnd {
  readonly role: JobRole;
  readonly policy: FailurePolicy;
  readonly state: JobState;
  readonly reason: EndReason | undefined;
}

export interface FlippedParent {
  readonly pendingChildren: number;
  readonly pendingHeirs: number;
  readonly childrenNotOk: number;
  readonly heirsNotOk: number;
  /** The open siblings of a FAIL_FAST child are to be cancelled. */
  readonly failFast: boolean;
}

/** The parent's counters after these edges flipped together. */
export function flipEdges(parent: ChainRecord, ends: readonly EdgeEnd[]): FlippedParent {
  const children = ends.filter((end) => end.role === "CHILD");
  const heirs = ends.filter((end) => end.role === "HEIR");
  const pendingChildren = parent.pendingChildren - children.length;
  const pendingHeirs = parent.pendingHeirs - heirs.length;
  if (pendingChildren < 0 || pendingHeirs < 0) throw new Error("an edge flipped twice");
  return {
    pendingChildren,
    pendingHeirs,
    childrenNotOk: parent.childrenNotOk + children.filter(countsNotOk).length,
    heirsNotOk: parent.heirsNotOk + heirs.filter(countsNotOk).length,
    failFast:
      pendingChildren > 0 &&
      parent.run !== undefined &&
      belowMode(parent) === "RUN" &&
      children.some((end) => end.policy === "FAIL_FAST" && countsNotOk(end) && end.reason !== "SIBLING_FAILED"),
  };
}

/** NOT_OK and not ignored: any bad end of a child; of an heir its death, or its cancelling by request. */
export function countsNotOk(end: EdgeEnd): boolean {
  if (!isTerminal(end.state)) throw new Error("only the end of a terminal job is counted");
  if (end.policy === "IGNORE" || end.state === "COMPLETED") return false;
  return end.role === "CHILD" || end.state === "DEAD" || end.reason === "REQUESTED";
}

export interface Verdict {
  readonly state: TerminalState;
  readonly reason: EndReason | undefined;
}

/** How a job ends whose own run is over; undefined while something below it is open. */
export function verdict(job: ChainRecord): Verdict | undefined {
  if (job.run === undefined || hasOpenBelow(job)) return undefined;
  if (job.run === "DEAD") return { state: "DEAD", reason: ownReason(job) };
  if (job.run !== "SUCCEEDED" || job.cancelRequested) return { state: "CANCELLED", reason: ownReason(job) };
  if (job.childrenNotOk + job.heirsNotOk > 0) return { state: "DEAD", reason: "CHAIN_FAILED" satisfies DeadReason };
  return { state: "COMPLETED", reason: undefined };
}

function ownReason(job: ChainRecord): EndReason {
  if (job.ownReason === undefined) throw new Error("a run that ended badly has a reason");
  return job.ownReason;
}
