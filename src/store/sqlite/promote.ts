import { groupType } from "../../core/names.ts";
import { State } from "../codes.ts";
import type { PromoteAnswer } from "../effects.ts";
import { acceptRun } from "./accept-run.ts";
import { type JobRow, jobColumns, saveJob } from "./job-row.ts";
import { judgeParents } from "./judge.ts";
import { effectsOf, type Step } from "./step.ts";

const selectDue = `
  SELECT ${jobColumns} FROM job INDEXED BY job_due
  WHERE state IN (${State.SCHEDULED}, ${State.RETRYING}) AND run_at <= ?+0
  ORDER BY run_at, seq LIMIT ?+0`;

const selectNext = `
  SELECT run_at FROM job INDEXED BY job_due
  WHERE state IN (${State.SCHEDULED}, ${State.RETRYING})
  ORDER BY run_at LIMIT 1`;

/** Makes due jobs claimable, those first that were due first; a group's run is accepted instead. */
export function promote(step: Step, max: number): PromoteAnswer {
  const due = step.sql.rows<JobRow>(selectDue, step.now, max);
  for (const row of due) {
    if (step.mirror.lane(row.lane).type === groupType) acceptRun(step, row);
    else saveJob(step, row, { state: State.READY });
  }
  judgeParents(step);
  const [next] = step.sql.tuple<[number]>(selectNext) ?? [];
  const nextInMs = next === undefined ? undefined : Math.max(0, next - step.now);
  return { count: due.length, more: nextInMs === 0, nextInMs, effects: effectsOf(step) };
}
