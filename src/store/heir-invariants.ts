import { isTerminal } from "../core/job.ts";
import type { DumpedJob } from "./dump.ts";
import { belowOf, notOkChildren, parentOf, type View } from "./dump-view.ts";

/** An heir that is being released now is due: its parent's run was accepted or ended by cancelling, all children ended, its trigger holds. */
export function heirIsDue(heir: DumpedJob, view: View): boolean {
  const parent = parentOf(heir, view);
  if (parent === undefined) return false;
  const children = belowOf(parent, view).filter((node) => node.role === "CHILD");
  if (!children.every((node) => isTerminal(node.state) && node.edgeFlipped === true)) return false;
  switch (heir.trigger) {
    case "SUCCEEDED":
      return parent.run === "SUCCEEDED" && notOkChildren(parent, view) === 0;
    case "ANY_FAILED":
      return (parent.run === "SUCCEEDED" || parent.run === "CANCELLED") && notOkChildren(parent, view) > 0;
    case "SETTLED":
      return parent.run === "SUCCEEDED" || parent.run === "CANCELLED";
    default:
      return heir.trigger satisfies never;
  }
}

/**
 * Below an ancestor whose run died or was not wanted nothing ever ran. Two exceptions, both about heirs that want to run after a
 * cancelled run: below a job that was cancelled by itself before; and one that keeps its end when the ancestor, cancelled then, is
 * brought back and dies.
 */
export function isBelowNoRun(job: DumpedJob, view: View): boolean {
  let node = job;
  for (let parent = parentOf(node, view); parent !== undefined; parent = parentOf(node, view)) {
    const runsAfterCancel = node.role === "HEIR" && node.trigger !== "SUCCEEDED";
    if (runsAfterCancel && parent.run === "CANCELLED") return false;
    if (parent.run === "DEAD" || parent.run === "SKIPPED") {
      if (!(runsAfterCancel && parent.epoch > 0 && isTerminal(job.state))) return true;
    }
    node = parent;
  }
  return false;
}

/** Heirs are held exactly until their barrier is judged, which is owed once nothing holds it. */
export function barrierHolds(job: DumpedJob, view: View): boolean {
  const held = belowOf(job, view).filter((node) => node.hold === "BARRIER").length;
  if (job.barrierJudged) return held === 0 && job.run !== undefined && job.pendingChildren === 0;
  // A run that ended badly leaves the judging to its cascade, a revival to its last step; else it is judged in the write that empties it.
  const open = job.run === "SUCCEEDED" && !job.cancelRequested && job.reviving === undefined;
  return !(open && job.pendingChildren === 0) && !isTerminal(job.state);
}
