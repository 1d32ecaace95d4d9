import { CascadeKind, Reason, Role, RunCode, State, TriggerCode } from "../codes.ts";
import type { UpkeepAnswer } from "../effects.ts";
import { type BelowMode, belowMode, flipsOf, loadBarrier, reasonBelow } from "./barrier.ts";
import { bringBackBelow } from "./bring-back.ts";
import { cancelJob } from "./cancel-job.ts";
import { type JobRow, jobColumns, loadJob } from "./job-row.ts";
import { judgeParents } from "./judge.ts";
import { effectsOf, type Step } from "./step.ts";

interface CascadeRow {
  readonly seq: number;
  readonly kind: number;
  readonly position: number;
}

// Below a job whose staged children are still put in nothing is worked: they would be missed.
const cascades = "FROM cascade AS due WHERE NOT";
const revivals = "FROM barrier AS due INDEXED BY barrier_reviving WHERE reviving <> 0 AND NOT";
const expands = "EXISTS (SELECT 1 FROM stage INDEXED BY stage_expand WHERE phase = 2 AND job = due.seq)";
const first = (due: string): string => `SELECT seq FROM (SELECT seq ${due} ${expands} ORDER BY seq LIMIT 500)`;
const selectDue = `${first(cascades)} UNION ${first(revivals)} ORDER BY seq LIMIT 500`;
const anyDue = `
  SELECT 1 WHERE EXISTS (SELECT 1 ${cascades} ${expands}) OR EXISTS (SELECT 1 ${revivals} ${expands})`;
const selectMark = "SELECT seq, kind, position FROM cascade WHERE seq = ?";
const forget = "DELETE FROM cascade WHERE seq = ?";
const keepPlace = "UPDATE cascade SET position = ? WHERE seq = ?";

/** Nodes that cancelling would change, in declaration order after a place; `asked`: also those that were asked to end before. */
const selectTargets = (role: number, also: string, asked: string): string => `
  SELECT ${jobColumns}, position FROM job INDEXED BY job_below
  WHERE parent = ?+0 AND role = ${role} AND position > ?+0 ${also} AND (
    state IN (${State.SCHEDULED}, ${State.READY}, ${State.RETRYING}, ${State.HELD})
    OR cancel = 0 AND (state = ${State.RUNNING} OR state = ${State.AWAITING_CHILDREN} AND run = ${RunCode.SUCCEEDED})
    ${asked})
  ORDER BY position LIMIT ?+0`;
const withHeirs = `
    OR cancel_heirs = 0 AND (
      state = ${State.RUNNING}
      OR state = ${State.AWAITING_CHILDREN} AND run IN (${RunCode.SUCCEEDED}, ${RunCode.CANCELLED}))`;
const selectChildren = selectTargets(Role.CHILD, "", "");
const selectAllChildren = selectTargets(Role.CHILD, "", withHeirs);
const selectAllHeirs = selectTargets(Role.HEIR, "", withHeirs);
const selectSuccessHeirs = selectTargets(Role.HEIR, `AND trigger = ${TriggerCode.SUCCEEDED}`, "");

type Target = JobRow & { readonly position: number };

/** Works off what was due below jobs when it began, in the order of their insertion, until `max` rows were touched. */
export function cascade(step: Step, max: number): UpkeepAnswer {
  let count = 0;
  for (const [seq] of step.sql.tuples<[number]>(selectDue)) if (count < max) count += workBelow(step, seq, max - count);
  judgeParents(step);
  return { count, more: step.sql.tuple(anyDue) !== undefined, effects: effectsOf(step) };
}

/** First what a revival brings back below one job, then what is to be cancelled there. Answers how many nodes it touched. */
function workBelow(step: Step, seq: number, max: number): number {
  const parent = loadJob(step, seq);
  if (parent === undefined) return 0;
  const barrier = loadBarrier(step, seq);
  if (barrier === undefined || barrier.reviving === 0) return cancelBelow(step, parent, max);
  const { count, isOver } = bringBackBelow(step, parent, { barrier, max });
  return isOver && count < max ? count + cancelBelow(step, parent, max - count) : count;
}

/** Cancels at most `max` nodes below one job; the mark goes when nothing is left to touch. */
function cancelBelow(step: Step, parent: JobRow, max: number): number {
  // Read now: a cascade above, worked just before, may have asked for more.
  const due = step.sql.row<CascadeRow>(selectMark, parent.seq);
  if (due === undefined) return 0;
  const mode = belowMode(parent);
  const isFailFast = due.kind === CascadeKind.FAIL_FAST;
  const reason = isFailFast ? Reason.SIBLING_FAILED : reasonBelow(parent);
  const found = statementsFor(mode, isFailFast)
    .flatMap((text) => step.sql.rows<Target>(text, due.seq, due.position, max + 1))
    .sort((left, right) => left.position - right.position);
  const targets = found.slice(0, max);
  for (const node of targets) cancelJob(step, node, { reason, mode });
  const place = targets.at(-1);
  if (found.length <= max) step.sql.run(forget, due.seq);
  else if (place !== undefined) step.sql.run(keepPlace, place.position, due.seq);
  flipsOf(step, due.seq); // judged at the end, also when nothing flipped
  return targets.length;
}

function statementsFor(mode: BelowMode, isFailFast: boolean): readonly string[] {
  if (isFailFast) return [selectChildren];
  return mode === "NOTHING" ? [selectAllChildren, selectAllHeirs] : [selectChildren, selectSuccessHeirs];
}
