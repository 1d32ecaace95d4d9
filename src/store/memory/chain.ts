import {
  belowMode,
  type CancelCause,
  cascadeTouches,
  decideCancel,
  decideHeir,
  type EdgeEnd,
  flipEdges,
  hasOpenBelow,
  reasonBelow,
  verdict,
} from "../../core/chain.ts";
import { type CancelReason, isTerminal, type Start } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { byInsertion, type JobRow } from "./row.ts";
import { change, move, type To, type Write } from "./write.ts";

/** When a job that is released or inserted now may run. */
export function runTime(start: Start, now: number): number {
  switch (start.kind) {
    case "now":
      return now;
    case "at":
      return Math.max(now, start.timeMs);
    case "after":
      return now + start.delayMs;
    default:
      return start satisfies never;
  }
}

/** The state of a job that nothing but its run time holds back. */
export function waitingFor(runAt: number, now: number): To {
  return { state: runAt > now ? "SCHEDULED" : "READY" };
}

/** Lets a held child or heir run at its time, counted from now. */
function release(write: Write, row: JobRow): JobRow {
  const runAt = runTime(row.start, write.now);
  return move(write, row, "release", waitingFor(runAt, write.now), { runAt });
}

/** Lets the children run that waited for this job's own run. */
export function releaseChildren(write: Write, parentId: JobId): void {
  for (const child of write.tables.below(parentId)) {
    if (child.state === "HELD" && child.hold === "PARENT") release(write, child);
  }
}

/**
 * To be called when a job's own run has just ended: counts its end at the parent when it is terminal; opens its barrier when
 * nothing holds it; marks the cascade below it when the run ended badly over open nodes.
 */
export function runEnded(write: Write, row: JobRow): JobRow {
  if (isTerminal(row.state)) return flipEdge(write, row);
  if (row.run !== "SUCCEEDED" && hasOpenBelow(row)) return change(write, row, { cascade: "BELOW" });
  const judged = judge(write, row);
  return isTerminal(judged.state) ? flipEdge(write, judged) : judged;
}

/** Cancels one job of a chain: at once, or by request while it runs. */
export function cancelJob(write: Write, row: JobRow, cancel: CancelCause & { readonly reason: CancelReason }): JobRow {
  const decision = decideCancel(row, cancel);
  switch (decision.kind) {
    case "nothing":
      return row;
    case "request": {
      const asked = { cancelRequested: true, cancelHeirs: decision.heirs, ownReason: cancel.reason };
      const next = change(write, row, { ...asked, ...marked(decision) });
      if (row.state === "RUNNING" && row.lease) {
        write.cancels.push({ sessionId: row.lease.sessionId, leaseId: row.lease.id, reason: cancel.reason });
      }
      return next;
    }
    case "widen":
      return change(write, row, { cancelHeirs: true, ...marked(decision) });
    case "end": {
      const { run, heirs: cancelHeirs } = decision;
      const patch = { run, ranAt: write.now, ownReason: cancel.reason, cancelHeirs };
      return runEnded(write, move(write, row, "cancel", { state: decision.state }, patch));
    }
    default:
      return decision satisfies never;
  }
}

function marked(decision: { readonly cascade: boolean }): { cascade?: "BELOW" } {
  return decision.cascade ? { cascade: "BELOW" } : {};
}

/** Works at most `max` nodes of a due cascade; the mark goes when nothing is left to touch. Answers how many it worked. */
export function cascadeStep(write: Write, parent: JobRow, max: number): number {
  const kind = parent.cascade;
  if (kind === undefined) return 0;
  const mode = belowMode(parent);
  const targets = write.tables.below(parent.id).filter((node) => cascadeTouches(kind, mode, node));
  const reason = kind === "FAIL_FAST" ? "SIBLING_FAILED" : reasonBelow(parent);
  for (const node of targets.slice(0, max)) cancelJob(write, node, { reason, parentMode: mode });
  if (targets.length <= max) change(write, parent, { cascade: undefined });
  judgeLater(write, parent.id);
  return Math.min(max, targets.length);
}

/** Counts at the direct parents what ended in this write, summed per parent, and judges each parent once. */
export function settleFlips(write: Write): void {
  // A parent that was taken away behind the store's back counts nothing any more.
  const parents = [...write.flips.keys()].flatMap((id) => write.tables.job(id) ?? []).sort(byInsertion);
  for (const { id } of parents) {
    const parent = write.tables.mustJob(id); // as one above it left it
    const judged = judge(write, countFlips(write, parent));
    if (isTerminal(judged.state) && !isTerminal(parent.state) && judged.parentId !== undefined) {
      change(write, judged, { propagateDue: true });
    }
  }
}

/** Counts the end of a job that is terminal now. */
export function flipEdge(write: Write, row: JobRow): JobRow {
  if (row.parentId === undefined) return row;
  flipsOf(write, row.parentId).push(row);
  return change(write, row, { edgeFlipped: true, propagateDue: false });
}

/** Has the job judged at the end of the write, also when nothing flips. */
export function judgeLater(write: Write, id: JobId): void {
  flipsOf(write, id);
}

function flipsOf(write: Write, parentId: JobId): EdgeEnd[] {
  const flips = write.flips.get(parentId) ?? [];
  write.flips.set(parentId, flips);
  return flips;
}

function countFlips(write: Write, parent: JobRow): JobRow {
  const ends = write.flips.get(parent.id) ?? [];
  write.flips.delete(parent.id);
  if (ends.length === 0) return parent;
  const { failFast, ...counters } = flipEdges(parent, ends);
  return change(write, parent, {
    ...counters,
    ...(failFast && parent.cascade === undefined ? { cascade: "FAIL_FAST" } : {}),
  });
}

/** Opens the barrier of a job whose own run is over and whose children are terminal, and ends it when nothing is open. */
export function judge(write: Write, row: JobRow): JobRow {
  if (row.run === undefined || isTerminal(row.state) || row.pendingChildren > 0) return row;
  if (row.reviving !== undefined) return row;
  const opened = row.barrierJudged ? row : countFlips(write, openBarrier(write, row));
  const end = verdict(opened);
  if (end === undefined) return opened;
  const resultOf = end.state === "COMPLETED" ? resultHeir(write, row.id) : undefined;
  return move(write, opened, "settleChain", { state: end.state }, { reason: end.reason, resultOf });
}

function openBarrier(write: Write, parent: JobRow): JobRow {
  const mode = belowMode(parent);
  for (const heir of write.tables.below(parent.id)) {
    if (heir.hold !== "BARRIER") continue;
    const decision = decideHeir(mode, heir.trigger, parent.childrenNotOk);
    if (decision.kind === "release") release(write, heir);
    else if (decision.kind === "cancel") cancelJob(write, heir, { reason: reasonBelow(parent), parentMode: mode });
    else skipHeir(write, heir, decision.reason);
  }
  return change(write, parent, { barrierJudged: true });
}

function skipHeir(write: Write, heir: JobRow, reason: CancelReason): void {
  const state = hasOpenBelow(heir) ? "AWAITING_CHILDREN" : "CANCELLED";
  runEnded(write, move(write, heir, "skip", { state }, { run: "SKIPPED", ranAt: write.now, ownReason: reason }));
}

/** The job whose own result is the result of this one; one hop, however deep the inheritance. */
function resultHeir(write: Write, id: JobId): JobId | undefined {
  const heir = write.tables.below(id).find((node) => node.asResult && node.state === "COMPLETED");
  return heir === undefined ? undefined : (heir.resultOf ?? heir.id);
}
