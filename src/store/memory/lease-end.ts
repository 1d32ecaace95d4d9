import type { ErrorCode } from "../../core/errors.ts";
import { errorFingerprint } from "../../core/fingerprint.ts";
import type { NewNode, Outcome, OutcomeKind } from "../../core/job.ts";
import { decideOutcome, type LeaseEnd, type OutcomeDecision } from "../../core/outcome.ts";
import { effectiveOptions } from "../../core/precedence.ts";
import { runningAttempt, withAttempt } from "./attempts.ts";
import { releaseChildren, runEnded } from "./chain.ts";
import { insertNode } from "./insert.ts";
import type { JobRow, LeaseEndRecord } from "./row.ts";
import { change, move, type Write } from "./write.ts";

export interface LeaseEndRequest {
  readonly end: LeaseEnd;
  /** What its worker sent; undefined: the lease was taken from it. */
  readonly sent: OutcomeKind | undefined;
  readonly problem?: ErrorCode | undefined;
  /** From 0 to below 1, for a back-off. */
  readonly jitter: number;
}

/** Ends the live lease of a running job: history, budgets, the next state, what it declared, what its end means nearby. */
export function endLease(write: Write, row: JobRow, request: LeaseEndRequest): JobRow {
  const { end } = request;
  const nodes = end.kind === "success" ? end.nodes : [];
  const staged = end.kind === "success" ? (row.staged?.nodes.length ?? 0) : 0;
  const declared = nodes.length + staged;
  const decision = decideOutcome(row, end, {
    now: write.now,
    options: effectiveOptions(row, write.tables.queue(row.queue)?.settings, write.defaults),
    jitter: request.jitter,
    nodesBelow: write.tables.countBelow(row.id) + declared,
    openBelow: row.pendingChildren + row.pendingHeirs + declared,
    notOkBelow: row.childrenNotOk + row.heirsNotOk > 0,
  });
  const moved = move(write, row, decision.move, { state: decision.state }, patchOf(write, row, { decision, request }));
  if (decision.run === undefined) return moved;
  if (staged > 0) write.tables.countStaged(row.rootId, staged);
  if (decision.run === "SUCCEEDED") releaseChildren(write, row.id);
  return runEnded(write, declare(write, moved, nodes));
}

function patchOf(write: Write, row: JobRow, ended: { decision: OutcomeDecision; request: LeaseEndRequest }) {
  const { decision, request } = ended;
  const { sent, problem, end } = request;
  const attempt = { ...runningAttempt(row), outcome: decision.recorded, endedAt: write.now, error: decision.error };
  return {
    ...decision.counts,
    ...stagedPatch(row, end),
    run: decision.run,
    ranAt: decision.run === undefined ? undefined : write.now,
    // A reason that was only asked for stays beside a run that goes on.
    ownReason: decision.run === undefined ? row.ownReason : decision.ownReason,
    runAt: decision.runAt ?? row.runAt,
    attempts: withAttempt(row.attempts, attempt),
    lease: endOf(row, { sent, recorded: decision.recorded, problem }),
    ownResult: resultOf(end),
    errorFingerprint:
      decision.run === "DEAD" && decision.error ? errorFingerprint(row.type, decision.error) : undefined,
  };
}

/** What was staged comes into the chain in steps once the run was accepted; any other end drops it. */
function stagedPatch(row: JobRow, end: LeaseEnd): Pick<JobRow, "staged" | "pendingChildren"> {
  const { staged, pendingChildren } = row;
  if (end.kind !== "success" || staged === undefined) return { staged: undefined, pendingChildren };
  return { staged: { ...staged, due: true }, pendingChildren: pendingChildren + staged.nodes.length };
}

function endOf(row: JobRow, end: LeaseEndRecord): JobRow["lease"] {
  return row.lease === undefined ? undefined : { ...row.lease, end };
}

function resultOf(end: LeaseEnd): JobRow["ownResult"] {
  if (end.kind !== "success" || end.result === undefined) return undefined;
  return { type: end.result.type, bytes: end.result.bytes.slice() };
}

function declare(write: Write, parent: JobRow, nodes: Extract<Outcome, { kind: "success" }>["nodes"]): JobRow {
  if (nodes.length === 0) return parent;
  for (const node of nodes) insertNode(write, { node, parent });
  return change(write, parent, {
    pendingChildren: parent.pendingChildren + count(nodes, "CHILD"),
    pendingHeirs: parent.pendingHeirs + count(nodes, "HEIR"),
  });
}

function count(nodes: readonly NewNode[], role: "CHILD" | "HEIR"): number {
  return nodes.filter((node) => node.edge.role === role).length;
}
