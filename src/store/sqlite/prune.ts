import type { Retention } from "../../core/job.ts";
import { retentionMs } from "../../core/precedence.ts";
import { State } from "../codes.ts";
import type { UpkeepAnswer } from "../effects.ts";
import { sweepStaged } from "./drop-staged.ts";
import { type JobRow, loadJob } from "./job-row.ts";
import { unsetQueue } from "./queue-row.ts";
import { forgetRemembered } from "./remembered.ts";
import { removeRows } from "./remove.ts";
import { forgetSessions } from "./sessions.ts";
import { effectsOf, type Step } from "./step.ts";

type EndedRow = Pick<JobRow, "seq" | "id" | "lane"> & { readonly finished_at: number };

const states = ["COMPLETED", "DEAD", "CANCELLED"] as const;

const selectPruning = "SELECT seq FROM pruning ORDER BY seq LIMIT ?+0";
const anyPruning = "SELECT 1 FROM pruning LIMIT 1";
const selectFilled = `SELECT lane, state FROM counter WHERE state >= ${State.COMPLETED} AND n > 0`;
const selectEnded = `
  SELECT seq, id, lane, finished_at FROM job INDEXED BY job_ended
  WHERE root IS NULL AND state >= ${State.COMPLETED} AND lane = ?+0 AND state = ?+0 AND finished_at <= ?+0
  ORDER BY finished_at, seq LIMIT ?+0`;

/** Goes on with chains that are being removed, then takes those whose retention is over; then forgets what nobody needs. */
export function prune(step: Step, request: { readonly max: number; readonly retention: Retention }): UpkeepAnswer {
  const { max, retention } = request;
  let count = 0;
  for (const [seq] of step.sql.tuples<[number]>(selectPruning, max)) {
    const root = count < max ? loadJob(step, seq) : undefined;
    if (root !== undefined) count += removeRows(step, root, max - count);
  }
  for (const root of dueRoots(step, retention, max - count)) {
    if (count < max) count += removeRows(step, root, max - count);
  }
  forgetRemembered(step, max);
  forgetSessions(step, max);
  sweepStaged(step);
  const more = step.sql.tuple(anyPruning) !== undefined || dueRoots(step, retention, 1).length > 0;
  return { count, more, effects: effectsOf(step) };
}

/** The first `max` ended roots whose retention is over: by queue, by state, by their end. */
function dueRoots(step: Step, retention: Retention, max: number): readonly EndedRow[] {
  const { mirror } = step;
  const filled = new Set(step.sql.tuples<[number, number]>(selectFilled).map(([lane, state]) => `${lane} ${state}`));
  const found: EndedRow[] = [];
  for (const queue of [...mirror.queueNames()].sort()) {
    const settings = mirror.settingsOf(queue) ?? unsetQueue;
    for (const state of states) {
      if (found.length >= max) return found;
      const before = step.now - retentionMs(state, settings, retention);
      const lanes = [...(mirror.lanesOf(queue)?.values() ?? [])].filter(({ id }) =>
        filled.has(`${id} ${State[state]}`),
      );
      const rows = lanes.flatMap(({ id }) =>
        step.sql.rows<EndedRow>(selectEnded, id, State[state], before, max - found.length),
      );
      rows.sort((left, right) => left.finished_at - right.finished_at || left.seq - right.seq);
      found.push(...rows.slice(0, max - found.length));
    }
  }
  return found;
}
