import { State } from "../codes.ts";
import type { StageAnswer, StageItem } from "../stage.ts";
import { dropStaged, sweepStaged } from "./drop-staged.ts";
import { type JobRow, loadJob } from "./job-row.ts";
import { seqOfLease } from "./lease-id.ts";
import { loadStage, problemOf, type StageRow } from "./staged.ts";
import { encodeNodes } from "./staged-nodes.ts";
import type { Step } from "./step.ts";

const insertStage = "INSERT INTO stage (job, attempt, phase, seq) VALUES (?, ?, 1, 0) RETURNING id";
const insertFrame = "INSERT INTO stage_frame (stage, nodes) VALUES (?, ?)";
const insertKey = "INSERT INTO stage_key (stage, key) VALUES (?, ?)";
const nextSeq = "UPDATE stage SET seq = ? WHERE id = ?";
const addStaged = "UPDATE job SET staged = staged + ? WHERE seq = ?";

/** Nodes of one stored frame: what one step of `expand` takes is read without more. */
const frameNodes = 500;

/** Keeps one frame of children of a running job beside its chain. Nothing else is seen of them. */
export function stage(step: Step, item: StageItem): StageAnswer {
  const { leaseId, seq, nodes } = item;
  const row = loadJob(step, seqOfLease(leaseId));
  if (row === undefined || row.lease !== leaseId || row.state !== State.RUNNING) return { kind: "lost" };
  const stored = stageOf(step, row);
  const last = stored?.seq ?? 0;
  if (seq <= last) return { kind: "staged", total: row.staged };
  if (seq > last + 1) return { kind: "gap", expected: last + 1 };
  const problem = problemOf(step, row, nodes);
  if (problem !== undefined) return { kind: "refused", problem };
  const [made = 0] = stored === undefined ? (step.sql.tuple<[number]>(insertStage, row.seq, row.attempt) ?? []) : [];
  const id = stored?.id ?? made;
  for (let from = 0; from < nodes.length; from += frameNodes) {
    step.sql.run(insertFrame, id, encodeNodes(nodes.slice(from, from + frameNodes)));
  }
  for (const { edge } of nodes) if (edge.key !== "") step.sql.run(insertKey, id, edge.key);
  step.sql.run(nextSeq, seq, id);
  step.sql.run(addStaged, nodes.length, row.seq);
  sweepStaged(step); // of an attempt before, perhaps
  return { kind: "staged", total: row.staged + nodes.length };
}

/** What this attempt staged; of an earlier one that staged no node something may be left. */
function stageOf(step: Step, row: JobRow): StageRow | undefined {
  const stored = loadStage(step, row.seq);
  if (stored === undefined || stored.attempt === row.attempt) return stored;
  dropStaged(step, row.seq);
  return undefined;
}
