import type { UpkeepAnswer } from "../effects.ts";
import { flip } from "./barrier.ts";
import { type JobRow, jobColumns, saveJob } from "./job-row.ts";
import { judgeParents } from "./judge.ts";
import { effectsOf, type Step } from "./step.ts";

const selectMarked = `
  SELECT ${jobColumns} FROM job INDEXED BY job_propagate WHERE propagate_due = 1 ORDER BY seq LIMIT ?+0`;
const anyMarked = "SELECT 1 FROM job INDEXED BY job_propagate WHERE propagate_due = 1 LIMIT 1";

/** Carries the end of marked jobs one level up. */
export function propagate(step: Step, max: number): UpkeepAnswer {
  const marked = step.sql.rows<JobRow>(selectMarked, max);
  for (const row of marked) flip(step, saveJob(step, row, { propagate_due: 0, edge_flipped: 1 }));
  judgeParents(step);
  const more = step.sql.tuple(anyMarked) !== undefined;
  return { count: marked.length, more, effects: effectsOf(step) };
}
