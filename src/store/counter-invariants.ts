import { isTerminal } from "../core/job.ts";
import type { DumpedJob } from "./dump.ts";
import { belowOf, childNotOk, heirNotOk, openEdges, type View } from "./dump-view.ts";

/** What the counters of a job hold beyond its edges: ended nodes below that a revival counts as open and has not brought back. */
export interface Awaited {
  readonly children: number;
  readonly heirs: number;
  readonly childrenNotOk: number;
  readonly heirsNotOk: number;
}

const none: Awaited = { children: 0, heirs: 0, childrenNotOk: 0, heirsNotOk: 0 };
const keys = ["children", "heirs", "childrenNotOk", "heirsNotOk"] as const;

/** The difference between the counters of a job and what its edges and its staged children say. */
export function awaitedBelow(job: DumpedJob, view: View): Awaited {
  const staged = job.run === undefined ? 0 : job.staged; // before that they are no more than the lease's own
  const counted = endsOf(belowOf(job, view).filter((node) => node.edgeFlipped === true));
  return {
    children: job.pendingChildren - openEdges(job, "CHILD", view) - staged,
    heirs: job.pendingHeirs - openEdges(job, "HEIR", view),
    childrenNotOk: counted.childrenNotOk - job.childrenNotOk,
    heirsNotOk: counted.heirsNotOk - job.heirsNotOk,
  };
}

/** How nodes that ended count, as those that are to be brought back. */
export function endsOf(nodes: readonly DumpedJob[]): Awaited {
  const children = nodes.filter((node) => node.role === "CHILD");
  const heirs = nodes.filter((node) => node.role === "HEIR");
  return {
    children: children.length,
    heirs: heirs.length,
    childrenNotOk: children.filter(childNotOk).length,
    heirsNotOk: heirs.filter(heirNotOk).length,
  };
}

/** Ended nodes below that the job's revival may still bring back, or that it brought back before and that ended again. */
export function candidatesBelow(job: DumpedJob, view: View): readonly DumpedJob[] {
  return belowOf(job, view).filter((node) => {
    if (!isTerminal(node.state) || (node.role === "CHILD" && job.reviving === "HEIRS")) return false;
    return node.state === "DEAD" ? job.reviving === "DEAD" : node.state === "CANCELLED" && node.reason !== "REQUESTED";
  });
}

/** Counters equal the edges; while a revival is under way they run ahead of them, by no more than it can bring back. */
export function countersHold(job: DumpedJob, view: View): boolean {
  const ahead = awaitedBelow(job, view);
  if (job.reviving === undefined) return isSame(ahead, none);
  const most = endsOf(candidatesBelow(job, view));
  return ahead.children + ahead.heirs > 0 && keys.every((key) => ahead[key] >= 0 && ahead[key] <= most[key]);
}

export function isSame(left: Awaited, right: Awaited): boolean {
  return keys.every((key) => left[key] === right[key]);
}

export function minus(left: Awaited, right: Awaited): Awaited {
  return {
    children: left.children - right.children,
    heirs: left.heirs - right.heirs,
    childrenNotOk: left.childrenNotOk - right.childrenNotOk,
    heirsNotOk: left.heirsNotOk - right.heirsNotOk,
  };
}
