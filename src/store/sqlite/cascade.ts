import { CascadeKind, Reason, Role, RunCode, State, TriggerCode } from "../codes.ts";
import type { UpkeepAnswer } from "../store.ts";
import { belowMode, flipsOf, reasonBelow } from "./barrier.ts";
import { cancelJob } from "./cancel-job.ts";
import { type JobRow, jobColumns, loadJob } from "./job-row.ts";
import { judgeParents } from "./judge.ts";
import { effectsOf, type Step } from "./step.ts";

interface CascadeRow {
  readonly seq: number;
  readonly kind: number;
  readonly position: number;
}

const selectDue = "SELECT seq FROM cascade WHERE seq > ?+0 AND seq <= ?+0 ORDER BY seq LIMIT 500";
const selectMark = "SELECT seq, kind, position FROM cascade WHERE seq = ?";
const selectLast = "SELECT max(seq) FROM cascade";
const anyDue = "SELECT 1 FROM cascade LIMIT 1";
const forget = "DELETE FROM cascade WHERE seq = ?";
const keepPlace = "UPDATE cascade SET position = ? WHERE seq = ?";

/** Nodes that cancelling would change, in declaration order after a place. */
const selectTargets = (role: number, also: string): string => `
  SELECT ${jobColumns}, position FROM job INDEXED BY job_below
  WHERE parent = ?+0 AND role = ${role} AND position > ?+0 ${also} AND (
    state IN (${State.SCHEDULED}, ${State.READY}, ${State.RETRYING}, ${State.HELD})
    OR cancel = 0 AND (state = ${State.RUNNING} OR state = ${State.AWAITING_CHILDREN} AND run = ${RunCode.SUCCEEDED}))
  ORDER BY position LIMIT ?+0`;
const selectChildren = selectTargets(Role.CHILD, "");
const selectHeirs = selectTargets(Role.HEIR, "");
const selectSuccessHeirs = selectTargets(Role.HEIR, `AND trigger = ${TriggerCode.SUCCEEDED}`);

type Target = JobRow & { readonly position: number };

/** Works off the cascades that were due when it began, in the order of their jobs' insertion, until `max` rows were touched. */
export function cascade(step: Step, max: number): UpkeepAnswer {
  const [last = null] = step.sql.tuple<[number | null]>(selectLast) ?? [];
  let count = 0;
  let after = 0;
  while (last !== null && count < max) {
    const due = step.sql.tuples<[number]>(selectDue, after, last);
    for (const [seq] of due) if (count < max) count += cascadeBelow(step, seq, max - count);
    const [end] = due.at(-1) ?? [];
    if (end === undefined) break;
    after = end;
  }
  judgeParents(step);
  return { count, more: step.sql.tuple(anyDue) !== undefined, effects: effectsOf(step) };
}

/** Cancels at most `max` nodes below one job; the mark goes when nothing is left to touch. Answers how many. */
function cascadeBelow(step: Step, seq: number, max: number): number {
  // Read now: a cascade above, worked just before, may have asked for more.
  const due = step.sql.row<CascadeRow>(selectMark, seq);
  const parent = loadJob(step, seq);
  if (due === undefined || parent === undefined) return 0;
  const mode = belowMode(parent);
  const isFailFast = due.kind === CascadeKind.FAIL_FAST;
  const reason = isFailFast ? Reason.SIBLING_FAILED : reasonBelow(parent);
  const found = step.sql.rows<Target>(selectChildren, due.seq, due.position, max + 1);
  if (!isFailFast) {
    const heirs = mode === "NOTHING" ? selectHeirs : selectSuccessHeirs;
    found.push(...step.sql.rows<Target>(heirs, due.seq, due.position, max + 1));
    found.sort((left, right) => left.position - right.position);
  }
  const targets = found.slice(0, max);
  for (const node of targets) cancelJob(step, node, { reason, mode });
  const place = targets.at(-1);
  if (found.length <= max) step.sql.run(forget, due.seq);
  else if (place !== undefined) step.sql.run(keepPlace, place.position, due.seq);
  flipsOf(step, due.seq); // judged at the end, also when nothing flipped
  return targets.length;
}
