import type { Step } from "./step.ts";

const forgetStage = "UPDATE stage SET phase = 3 WHERE job = ?+0 AND phase < 3";
const selectOver = "SELECT id FROM stage INDEXED BY stage_over WHERE phase = 3 ORDER BY id LIMIT 1";
const removeKeys = `
  DELETE FROM stage_key WHERE (stage, key) IN (SELECT stage, key FROM stage_key WHERE stage = ?+0 LIMIT ?+0)`;
const removeFrame = `
  DELETE FROM stage_frame
  WHERE id = (SELECT id FROM stage_frame INDEXED BY stage_frames WHERE stage = ?+0 ORDER BY id LIMIT 1)`;
const removeStage = "DELETE FROM stage WHERE id = ?";

/** Keys that one sweep removes; a frame counts as many as its nodes. */
const sweptKeysMax = 2_000;
const sweptFramesMax = 4;

/** What was staged for a job is needed no more: `sweepStaged` removes it. */
export function dropStaged(step: Step, job: number): void {
  step.sql.run(forgetStage, job);
}

/** Removes some of what was staged and is needed no more: some milliseconds of work. */
export function sweepStaged(step: Step): void {
  const [stage] = step.sql.tuple<[number]>(selectOver) ?? [];
  if (stage === undefined) return;
  if (step.sql.run(removeKeys, stage, sweptKeysMax) === sweptKeysMax) return;
  for (let frames = 0; frames < sweptFramesMax; frames += 1) {
    if (step.sql.run(removeFrame, stage) > 0) continue;
    step.sql.run(removeStage, stage);
    return;
  }
}
