import { CascadeKind, Policy, Reason, Role, RunCode, State } from "../codes.ts";
import type { JobRow } from "./job-row.ts";
import type { Flip, Step } from "./step.ts";

/** What a job knows of the nodes directly below it. */
export interface BarrierRow {
  readonly seq: number;
  readonly pending_children: number;
  readonly pending_heirs: number;
  readonly children_not_ok: number;
  readonly heirs_not_ok: number;
  readonly judged: number;
  /** Of the whole chain, in its root's row; else 0. */
  readonly chain_nodes: number;
  /** What `cascade` still brings back below it, see `ReviveCode`; 0: nothing. No barrier is judged meanwhile. */
  readonly reviving: number;
  /** Up to this position it has. */
  readonly revived: number;
}

/** What may still run below a job whose own run is over. */
export type BelowMode = "RUN" | "SETTLED_ONLY" | "NOTHING";

const selectBarrier = "SELECT * FROM barrier WHERE seq = ?";

const updateBarrier = `
  UPDATE barrier SET
    pending_children = ?, pending_heirs = ?, children_not_ok = ?, heirs_not_ok = ?, judged = ?, reviving = ?, revived = ?
  WHERE seq = ?`;

const raiseVersion = "UPDATE job SET version = version + 1, updated_at = ? WHERE seq = ?";

const addBelow = `
  INSERT INTO barrier (seq, pending_children, pending_heirs, chain_nodes) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET
    pending_children = pending_children + excluded.pending_children,
    pending_heirs = pending_heirs + excluded.pending_heirs,
    chain_nodes = chain_nodes + excluded.chain_nodes`;

const markCascade = `
  INSERT INTO cascade (seq, kind) VALUES (?, ?)
  ON CONFLICT DO UPDATE SET kind = excluded.kind, position = -1 WHERE excluded.kind < kind`;
const restartCascade = "UPDATE cascade SET position = -1 WHERE seq = ?";

export function loadBarrier(step: Step, seq: number): BarrierRow | undefined {
  return step.sql.row<BarrierRow>(selectBarrier, seq);
}

/** Writes the counters of a job, which are part of what is shown of it: its version rises. */
export function saveBarrier(step: Step, barrier: BarrierRow): void {
  const { pending_children, pending_heirs, children_not_ok, heirs_not_ok, judged, reviving, revived, seq } = barrier;
  const pending = [pending_children, pending_heirs] as const;
  step.sql.run(updateBarrier, ...pending, children_not_ok, heirs_not_ok, judged, reviving, revived, seq);
  step.sql.run(raiseVersion, step.now, seq);
}

/** Adds open nodes to what a job waits for; `chainNodes` to its count when it is a root. */
export function addToBarrier(
  step: Step,
  seq: number,
  below: { readonly children: number; readonly heirs: number; readonly chainNodes: number },
): void {
  step.sql.run(addBelow, seq, below.children, below.heirs, below.chainNodes);
}

/** The nodes directly below a job that are not terminal, or whose end is not yet counted. */
export function openBelow(step: Step, row: Pick<JobRow, "seq" | "below">): number {
  const barrier = row.below === 0 ? undefined : loadBarrier(step, row.seq);
  return barrier === undefined ? 0 : barrier.pending_children + barrier.pending_heirs;
}

export function belowMode(parent: Pick<JobRow, "run" | "cancel" | "cancel_heirs">): BelowMode {
  if (parent.cancel_heirs === 1) return "NOTHING";
  if (parent.run === RunCode.SUCCEEDED) return parent.cancel === 0 ? "RUN" : "SETTLED_ONLY";
  return parent.run === RunCode.CANCELLED ? "SETTLED_ONLY" : "NOTHING";
}

/** The reason of what is cancelled below a job. */
export function reasonBelow(parent: Pick<JobRow, "run" | "reason" | "cancel">): number {
  const own = parent.reason === 0 ? parent.cancel : parent.reason;
  return parent.run === RunCode.DEAD || own === Reason.PARENT_FAILED ? Reason.PARENT_FAILED : Reason.PARENT_CANCELLED;
}

/** The nodes below are to be cancelled, in steps. BELOW replaces FAIL_FAST and begins afresh. */
export function markCascadeDue(step: Step, seq: number, kind: number): void {
  if (step.sql.run(markCascade, seq, kind) > 0) step.cascadeDue = true;
}

/** What is due below asks for more of each node now: it begins afresh. */
export function widenCascade(step: Step, seq: number): void {
  markCascadeDue(step, seq, CascadeKind.BELOW);
  step.sql.run(restartCascade, seq);
}

/** Counts the end of a terminal node at its parent; the caller has marked its edge as flipped. */
export function flip(step: Step, node: Pick<JobRow, "parent" | "role" | "policy" | "state" | "reason">): void {
  if (node.parent === null) return;
  const sum = flipsOf(step, node.parent);
  const isBad = isNotOk(node);
  if (node.role === Role.CHILD) {
    sum.children += 1;
    if (!isBad) return;
    sum.childrenNotOk += 1;
    if (node.policy === Policy.FAIL_FAST && node.reason !== Reason.SIBLING_FAILED) sum.failFast = true;
  } else {
    sum.heirs += 1;
    if (isBad) sum.heirsNotOk += 1;
  }
}

/** The end of a terminal node counts against its parent: any bad end of a child, of an heir its death or its cancelling by request. */
export function isNotOk(node: Pick<JobRow, "role" | "policy" | "state" | "reason">): boolean {
  if (node.policy === Policy.IGNORE || node.state === State.COMPLETED) return false;
  return node.role === Role.CHILD || node.state === State.DEAD || node.reason === Reason.REQUESTED;
}

/** What ended below this parent in this transaction. Asking makes sure that the parent is judged. */
export function flipsOf(step: Step, parent: number): Flip {
  const known = step.flips.get(parent);
  if (known !== undefined) return known;
  const made: Flip = { children: 0, childrenNotOk: 0, heirs: 0, heirsNotOk: 0, failFast: false };
  step.flips.set(parent, made);
  return made;
}

/** The barrier with what ended below it counted; nothing is left to count then. */
export function takeFlips(step: Step, barrier: BarrierRow): BarrierRow {
  const sum = step.flips.get(barrier.seq);
  if (sum === undefined) return barrier;
  step.flips.delete(barrier.seq);
  return {
    ...barrier,
    pending_children: barrier.pending_children - sum.children,
    pending_heirs: barrier.pending_heirs - sum.heirs,
    children_not_ok: barrier.children_not_ok + sum.childrenNotOk,
    heirs_not_ok: barrier.heirs_not_ok + sum.heirsNotOk,
  };
}
