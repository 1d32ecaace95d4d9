import { hasOpenBelow, type ReviveScope } from "../../core/chain.ts";
import { isTerminal } from "../../core/job.ts";
import { isReviveTarget, scopeAbove, scopeAtRetried, scopeBelow, uncount, wasAccepted } from "../../core/revive.ts";
import { flipEdge, judge, judgeLater, waitingFor } from "./chain.ts";
import type { JobRow } from "./row.ts";
import type { Tables } from "./tables.ts";
import { change, move, type Patch, type To, type Write } from "./write.ts";

interface PathDown {
  /** The nearest ancestor that is not terminal. */
  readonly open: JobRow | undefined;
  /** The terminal jobs from below it, or from the root, down to the job itself. */
  readonly path: readonly JobRow[];
}

/** The way down to an ended job, as far as it has ended; everything above is there. */
export function pathTo(tables: Tables, row: JobRow): PathDown {
  const path = [row];
  for (let at = row; at.parentId !== undefined; ) {
    at = tables.mustJob(at.parentId);
    if (!isTerminal(at.state)) return { open: at, path };
    path.unshift(at);
  }
  return { open: undefined, path };
}

/** Reopens a dead job with the dead ones above it, one row a level, the top first; what comes back beside them follows in steps. */
export function reopenPath(write: Write, row: JobRow): void {
  const { open, path } = pathTo(write.tables, row);
  const downwards = open === undefined ? path : [open, ...path];
  for (const [index, each] of downwards.entries()) {
    const next = downwards[index + 1];
    if (next !== undefined) reopenAbove(write, each, next);
    else reopenRetried(write, each);
    judgeLater(write, each.id);
  }
}

/** Takes back the end of the node on the way down, and counts what comes back with it. */
function reopenAbove(write: Write, parent: JobRow, node: JobRow): void {
  const scope = scopeAbove(node.role);
  const targets = targetsBelow(write.tables, parent, scope).filter((each) => each.id !== node.id);
  const patch = {
    ...uncount(parent, node.edgeFlipped === true ? [node, ...targets] : targets),
    barrierJudged: false,
    reviving: markFor(scope, targets),
  };
  if (parent.state === "AWAITING_CHILDREN") change(write, parent, patch);
  else move(write, parent, "revive", { state: "AWAITING_CHILDREN" }, { ...endTakenBack(parent), ...patch });
}

/** The job that was asked for: its run starts anew or, where that was accepted, what died below it. */
function reopenRetried(write: Write, row: JobRow): void {
  const patch = { ...fresh(row), ...countedBelow(write.tables, row, scopeAtRetried(row.run)) };
  if (row.run === "SUCCEEDED") move(write, row, "revive", { state: "AWAITING_CHILDREN" }, patch);
  else {
    const to: To = row.role === "HEIR" ? { state: "HELD", hold: "BARRIER" } : { state: "READY" };
    move(write, row, "revive", to, { ...patch, run: undefined, ranAt: undefined, runAt: write.now });
  }
}

/** Brings back at most `max` nodes below; the mark goes with the last. Answers how many. */
export function reviveStep(write: Write, parent: JobRow, max: number): number {
  if (parent.reviving === undefined) return 0;
  const { scope, after } = parent.reviving;
  const left = targetsBelow(write.tables, parent, scope).filter((node) => node.position > after);
  const taken = left.slice(0, max);
  for (const node of taken) bringBack(write, { node, parent, scope });
  const last = taken.at(-1)?.position ?? after;
  change(write, parent, { reviving: left.length > max ? { scope, after: last } : undefined });
  judgeLater(write, parent.id);
  return taken.length;
}

interface BringBack {
  readonly node: JobRow;
  readonly parent: JobRow;
  readonly scope: ReviveScope;
}

/** One that ended with its parent or a sibling; the parent's counters have it as open already. */
function bringBack(write: Write, { node, parent, scope }: BringBack): void {
  const patch = { ...fresh(node), ...countedBelow(write.tables, node, scopeBelow(scope)) };
  if (!wasAccepted(node.run, node.lease?.end?.recorded)) {
    const { to, runAt } = placeBelow(write, parent, node);
    move(write, node, "revive", to, { ...patch, run: undefined, ranAt: undefined, runAt });
    return;
  }
  const ranAt = node.ranAt ?? write.now;
  const back = move(write, node, "revive", { state: "AWAITING_CHILDREN" }, { ...patch, run: "SUCCEEDED", ranAt });
  const judged = hasOpenBelow(back) ? back : judge(write, back);
  if (isTerminal(judged.state)) flipEdge(write, judged);
}

/** Where a node waits for its turn below its parent. */
function placeBelow(write: Write, parent: JobRow, node: JobRow): { readonly to: To; readonly runAt: number } {
  const { runAt } = node;
  if (node.role === "HEIR") return { to: { state: "HELD", hold: "BARRIER" }, runAt };
  if (parent.run !== "SUCCEEDED") return { to: { state: "HELD", hold: "PARENT" }, runAt };
  const due = Math.max(write.now, runAt);
  return { to: waitingFor(due, write.now), runAt: due };
}

function targetsBelow(tables: Tables, parent: JobRow, scope: ReviveScope): JobRow[] {
  return tables.below(parent.id).filter((node) => isReviveTarget(scope, node));
}

function markFor(scope: ReviveScope, targets: readonly JobRow[]): JobRow["reviving"] {
  return targets.length === 0 ? undefined : { scope, after: -1 };
}

/** The counters of a job that had nothing open, with what comes back below it. */
function countedBelow(tables: Tables, row: JobRow, scope: ReviveScope): Patch {
  const targets = targetsBelow(tables, row, scope);
  return { ...uncount(row, targets), reviving: markFor(scope, targets) };
}

function endTakenBack(row: JobRow): Patch {
  const edge = row.parentId === undefined ? {} : { edgeFlipped: false, propagateDue: false };
  return { ...edge, epoch: row.epoch + 1, reason: undefined, finishedAt: undefined, resultOf: undefined };
}

/** As it was before it ever ran, but for its history. */
function fresh(row: JobRow): Patch {
  const budgets = { failureCount: 0, crashCount: 0, snoozeCount: 0 };
  return { ...endTakenBack(row), ...budgets, ownReason: undefined, errorFingerprint: undefined, barrierJudged: false };
}
