import { Reason, ReviveCode, Role, State } from "../codes.ts";
import { type BarrierRow, isNotOk, loadBarrier, saveBarrier } from "./barrier.ts";
import { type JobRow, jobColumns } from "./job-row.ts";
import type { Step } from "./step.ts";

/** Nodes directly below one job that ended badly and alike. */
interface BadNodes {
  readonly role: number;
  readonly policy: number;
  readonly state: number;
  readonly reason: number;
  readonly n: number;
}

const badBelow = (role: number): string =>
  `FROM job INDEXED BY job_bad WHERE parent = ?+0 AND parent IS NOT NULL AND state >= ${State.DEAD} AND role = ${role}`;
const selectBad = (role: number): string => `
  SELECT role, policy, state, reason, count(*) AS n ${badBelow(role)} AND seq <> ?+0 GROUP BY policy, state, reason`;
const selectBadChildren = selectBad(Role.CHILD);
const selectBadHeirs = selectBad(Role.HEIR);

const selectTargets = (role: number, states: string): string => `
  SELECT ${jobColumns}, position ${badBelow(role)} AND ${states} AND position > ?+0 ORDER BY position LIMIT ?+0`;
const cancelled = `state = ${State.CANCELLED} AND reason <> ${Reason.REQUESTED}`;
const deadToo = `(state = ${State.DEAD} OR ${cancelled})`;
const selectOf = {
  cancelledChildren: selectTargets(Role.CHILD, cancelled),
  cancelledHeirs: selectTargets(Role.HEIR, cancelled),
  badChildren: selectTargets(Role.CHILD, deadToo),
  badHeirs: selectTargets(Role.HEIR, deadToo),
} as const;

/** A node that is to be brought back. */
export type Target = JobRow & { readonly position: number };

/** The next nodes below a job that a revival of this scope brings back, in declaration order after a place. */
export function targetsBelow(
  step: Step,
  parent: number,
  from: { readonly scope: number; readonly after: number; readonly max: number },
): readonly Target[] {
  const { scope, after, max } = from;
  const isDeadToo = scope === ReviveCode.DEAD;
  const heirs = step.sql.rows<Target>(isDeadToo ? selectOf.badHeirs : selectOf.cancelledHeirs, parent, after, max);
  if (scope === ReviveCode.HEIRS) return heirs;
  const children = isDeadToo ? selectOf.badChildren : selectOf.cancelledChildren;
  const found = [...heirs, ...step.sql.rows<Target>(children, parent, after, max)];
  return found.sort((left, right) => left.position - right.position).slice(0, max);
}

/**
 * Counts what a revival brings back below a job that stays as it is above: its ends count no more there. `path`: the node below
 * that is reopened already. Nothing of the job's barrier is judged until all of it is back.
 */
export function countTargets(step: Step, barrier: BarrierRow, by: { scope: number; path: number }): BarrierRow {
  const bad = badNodes(step, barrier.seq, by.path);
  const targets = bad.filter((nodes) => isTarget(by.scope, nodes));
  return {
    ...barrier,
    pending_children: barrier.pending_children + sum(targets, Role.CHILD),
    pending_heirs: barrier.pending_heirs + sum(targets, Role.HEIR),
    children_not_ok: barrier.children_not_ok - sum(targets.filter(isNotOk), Role.CHILD),
    heirs_not_ok: barrier.heirs_not_ok - sum(targets.filter(isNotOk), Role.HEIR),
    judged: 0,
    ...(targets.length > 0 ? { reviving: by.scope, revived: -1 } : {}),
  };
}

/** Counts afresh what is below a job that comes back itself; all of it has ended. Answers undefined when it has nothing below. */
export function recount(step: Step, row: Pick<JobRow, "seq" | "below">, scope: number): BarrierRow | undefined {
  const stored = row.below === 0 ? undefined : loadBarrier(step, row.seq);
  if (stored === undefined) return undefined;
  const bad = badNodes(step, row.seq, 0).filter(isNotOk);
  const ended = { pending_children: 0, pending_heirs: 0, reviving: 0, revived: -1 };
  const counted = { children_not_ok: sum(bad, Role.CHILD), heirs_not_ok: sum(bad, Role.HEIR) };
  const barrier = countTargets(step, { ...stored, ...ended, ...counted }, { scope, path: 0 });
  saveBarrier(step, barrier);
  if (barrier.reviving !== 0) step.cascadeDue = true;
  return barrier;
}

function badNodes(step: Step, parent: number, but: number): readonly BadNodes[] {
  return [selectBadChildren, selectBadHeirs].flatMap((text) => step.sql.rows<BadNodes>(text, parent, but));
}

function isTarget(scope: number, { role, state, reason }: BadNodes): boolean {
  if (role === Role.CHILD && scope === ReviveCode.HEIRS) return false;
  if (state === State.CANCELLED) return reason !== Reason.REQUESTED;
  return scope === ReviveCode.DEAD;
}

function sum(nodes: readonly BadNodes[], role: number): number {
  return nodes.filter((each) => each.role === role).reduce((total, { n }) => total + n, 0);
}
