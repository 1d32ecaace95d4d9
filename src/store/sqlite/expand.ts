import type { NewNode } from "../../core/job.ts";
import { Hold, RunCode } from "../codes.ts";
import type { UpkeepAnswer } from "../effects.ts";
import { loadBarrier } from "./barrier.ts";
import { dropStaged } from "./drop-staged.ts";
import { type JobRow, loadJob } from "./job-row.ts";
import { insertNode } from "./new-row.ts";
import { nextPosition, placeOf } from "./node-place.ts";
import { decodeNodes } from "./staged-nodes.ts";
import { effectsOf, type Step } from "./step.ts";

interface FrameRow {
  readonly id: number;
  readonly done: number;
  readonly nodes: Uint8Array;
}

const selectDue =
  "SELECT id, job FROM stage INDEXED BY stage_expand WHERE phase = 2 AND job > ?+0 ORDER BY job LIMIT 1";
const anyDue = "SELECT 1 FROM stage INDEXED BY stage_expand WHERE phase = 2 LIMIT 1";
const selectFrame = `
  SELECT id, done, nodes FROM stage_frame INDEXED BY stage_frames WHERE stage = ?+0 ORDER BY id LIMIT 1`;
const removeFrame = "DELETE FROM stage_frame WHERE id = ?";
const keepPlace = "UPDATE stage_frame SET done = ? WHERE id = ?";
const takeStaged = "UPDATE job SET staged = staged - ? WHERE seq = ?";
const selectCascade = "SELECT 1 FROM cascade WHERE seq = ?";

/** Puts at most `max` staged children of accepted results into their chains: parents and children in their order. */
export function expand(step: Step, max: number): UpkeepAnswer {
  let count = 0;
  let after = 0;
  while (count < max) {
    const [stage, job] = step.sql.tuple<[number, number]>(selectDue, after) ?? [];
    if (stage === undefined || job === undefined) break;
    count += expandBelow(step, { stage, job, max: max - count });
    after = job;
  }
  return { count, more: step.sql.tuple(anyDue) !== undefined, effects: effectsOf(step) };
}

function expandBelow(step: Step, due: { readonly stage: number; readonly job: number; readonly max: number }): number {
  const { stage, job, max } = due;
  const parent = loadJob(step, job);
  let count = 0;
  for (
    let frame = nextFrame(step, stage);
    frame !== undefined && parent !== undefined;
    frame = nextFrame(step, stage)
  ) {
    if (count === max) break;
    const left = decodeNodes(frame.nodes, frame.done);
    const taken = left.slice(0, max - count);
    insertBelow(step, parent, taken);
    count += taken.length;
    if (taken.length === left.length) step.sql.run(removeFrame, frame.id);
    else step.sql.run(keepPlace, frame.done + taken.length, frame.id);
  }
  if (count > 0) step.sql.run(takeStaged, count, job);
  if (nextFrame(step, stage) === undefined) finish(step, job);
  return count;
}

function nextFrame(step: Step, stage: number): FrameRow | undefined {
  return step.sql.row<FrameRow>(selectFrame, stage);
}

/** As a success inserts what it declares: held while the parent is being cancelled, or never ran as accepted. */
function insertBelow(step: Step, row: JobRow, nodes: readonly NewNode[]): void {
  const isFree = row.run === RunCode.SUCCEEDED && row.cancel === 0 && !hasCascade(step, row.seq);
  const parent = placeOf(step, row);
  const first = nextPosition(step, row.seq);
  const root = row.root ?? row.seq;
  for (const [index, { edge, job }] of nodes.entries()) {
    const hold = isFree ? 0 : Hold.PARENT;
    insertNode(step, { edge, job, parent, root, position: first + index, hold, hasBelow: false });
  }
}

/** Everything is in: what had to wait for it can go on. */
function finish(step: Step, job: number): void {
  dropStaged(step, job);
  if (hasCascade(step, job) || (loadBarrier(step, job)?.reviving ?? 0) !== 0) step.cascadeDue = true;
}

function hasCascade(step: Step, job: number): boolean {
  return step.sql.tuple(selectCascade, job) !== undefined;
}
