import type { RetryRefusal } from "../../core/job.ts";
import { groupType } from "../../core/names.ts";
import type { RetryAnswer, RetryItem } from "../change.ts";
import { RunCode, State, stateOf } from "../codes.ts";
import { loadBarrier } from "./barrier.ts";
import { deadBelow } from "./dead-below.ts";
import { findJob } from "./find-job.ts";
import { type JobRow, loadJob, saveJob } from "./job-row.ts";
import { reopen } from "./reopen.ts";
import { due, type Step } from "./step.ts";

type Refused = Extract<RetryAnswer, { kind: "refused" }>;

const selectCascade = "SELECT 1 FROM cascade WHERE seq = ?";

// The condition as its index has it: nodes that are just ending, or whose end is not counted yet.
const selectEnding = `
  SELECT 1 FROM job INDEXED BY job_ending
  WHERE parent = ?+0 AND parent IS NOT NULL AND (propagate_due = 1 OR state < 7 AND (cancel <> 0 OR run > 2))
    AND seq <> ?+0 LIMIT 1`;

/** Revives a dead job with the path above it, or lets a waiting one run now. */
export function retry(step: Step, item: RetryItem): RetryAnswer {
  const row = findJob(step, item.id);
  if (row === undefined) return { kind: "missing" };
  const { expectedEpoch = row.epoch } = item;
  if (row.epoch < expectedEpoch) return refused(row, "EPOCH");
  if (row.epoch > expectedEpoch || row.state === State.READY) {
    return { kind: "unchanged", state: stateOf(row.state), epoch: row.epoch };
  }
  switch (row.state) {
    case State.SCHEDULED:
    case State.RETRYING:
      return retried(pull(step, row));
    case State.DEAD:
      return reviveDead(step, row);
    case State.CANCELLED:
      return refused(row, "CANCELLED");
    default:
      return refused(row, "STATE");
  }
}

function retried(row: JobRow): RetryAnswer {
  return { kind: "retried", state: stateOf(row.state), epoch: row.epoch };
}

function refused(row: JobRow, why: RetryRefusal, blocker?: Refused["blocker"]): Refused {
  return { kind: "refused", why, state: stateOf(row.state), blocker };
}

/** A group has no work of its own: `promote` takes it. */
function pull(step: Step, row: JobRow): JobRow {
  if (step.mirror.lane(row.lane).type !== groupType)
    return saveJob(step, row, { state: State.READY, run_at: step.now });
  due(step, step.now);
  return saveJob(step, row, { run_at: step.now });
}

function reviveDead(step: Step, row: JobRow): RetryAnswer {
  const path = pathAbove(step, row);
  if (path === undefined) return refused(row, "ANCESTOR");
  const blocker = path.find(isInTheWay);
  if (blocker !== undefined) return refused(row, "ANCESTOR", blocker.id);
  const openAt = path.findIndex(({ state }) => state === State.AWAITING_CHILDREN);
  const open = path[openAt];
  const below = path[openAt - 1] ?? row;
  const why = open === undefined ? undefined : openRefusal(step, open, below);
  if (why !== undefined) return refused(row, why, open?.id);
  if (row.run === RunCode.SUCCEEDED) {
    const found = deadBelow(step, row);
    if (found.kind === "none") return refused(row, "NOTHING_DEAD", found.blocker);
  }
  const reopened = openAt < 0 ? path : path.slice(0, openAt + 1);
  return retried(reopen(step, row, reopened.toReversed()));
}

/** Below it nothing is revived: it is over for good, or being stopped. */
function isInTheWay({ state, run, cancel }: JobRow): boolean {
  const isOver = state === State.COMPLETED || state === State.CANCELLED;
  return isOver || run !== RunCode.SUCCEEDED || (cancel !== 0 && state !== State.DEAD);
}

/** The jobs above, the nearest first; undefined when one of them is missing. */
function pathAbove(step: Step, row: JobRow): readonly JobRow[] | undefined {
  const path: JobRow[] = [];
  for (let { parent } = row; parent !== null; ) {
    const above = loadJob(step, parent);
    if (above === undefined) return undefined;
    path.push(above);
    parent = above.parent;
  }
  return path;
}

/** Why nothing can be revived below the nearest open ancestor now; `below`: the node under it on the path. */
function openRefusal(step: Step, open: JobRow, below: JobRow): "BARRIER" | "BUSY" | undefined {
  const barrier = loadBarrier(step, open.seq);
  if (barrier?.judged === 1) return "BARRIER";
  const isBusy =
    barrier?.reviving !== 0 ||
    step.sql.tuple(selectCascade, open.seq) !== undefined ||
    step.sql.tuple(selectEnding, open.seq, below.seq) !== undefined;
  return isBusy ? "BUSY" : undefined;
}
