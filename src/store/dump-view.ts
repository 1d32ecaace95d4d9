import type { JobId, SessionId } from "../core/names.ts";
import type { DumpedJob, StoreDump } from "./dump.ts";

/** What is known beside a dump. */
export interface InvariantOptions {
  /** The store's time of the dump, in ms since the epoch; without it nothing is said of run times of ready jobs. */
  readonly now?: number;
  /** Jobs that the store has acknowledged: all must be there. */
  readonly acknowledged?: Iterable<JobId>;
  /** Faults have ended and all work was done: every job must be terminal (I17). */
  readonly drained?: boolean;
}

/** A dump with the look-ups that invariants need. */
export interface View {
  readonly byId: ReadonlyMap<JobId, DumpedJob>;
  readonly below: ReadonlyMap<JobId, readonly DumpedJob[]>;
  readonly sessions: ReadonlySet<SessionId>;
  readonly options: InvariantOptions;
}

export function viewOf(dump: StoreDump, options: InvariantOptions): View {
  const below = new Map<JobId, DumpedJob[]>();
  for (const job of dump.jobs) {
    if (job.parentId === undefined) continue;
    const nodes = below.get(job.parentId);
    if (nodes === undefined) below.set(job.parentId, [job]);
    else nodes.push(job);
  }
  return {
    byId: new Map(dump.jobs.map((job) => [job.id, job])),
    below,
    sessions: new Set(dump.sessions.map((session) => session.id)),
    options,
  };
}

export function parentOf(job: DumpedJob, view: View): DumpedJob | undefined {
  return job.parentId === undefined ? undefined : view.byId.get(job.parentId);
}

export function belowOf(job: DumpedJob, view: View): readonly DumpedJob[] {
  return view.below.get(job.id) ?? [];
}

export function hasBelow(job: DumpedJob, view: View): boolean {
  return belowOf(job, view).length > 0;
}

export function openEdges(job: DumpedJob, role: "CHILD" | "HEIR", view: View): number {
  return belowOf(job, view).filter((node) => node.role === role && node.edgeFlipped !== true).length;
}

/** No part of its chain was removed. */
export function isWhole(job: DumpedJob, view: View): boolean {
  return view.byId.get(job.rootId)?.pruning !== true;
}

/** A child or heir that workers could get, now or before. */
export function wasReleased(job: DumpedJob): boolean {
  const waits =
    job.state === "READY" || job.state === "SCHEDULED" || job.state === "RETRYING" || job.state === "RUNNING";
  return waits || job.attempt > 0;
}

/** As `wasReleased`, since it was last brought back. */
export function wasReleasedThisEpoch(job: DumpedJob): boolean {
  return wasReleased({ ...job, attempt: job.attempts.at(-1)?.epoch === job.epoch ? job.attempt : 0 });
}

export function childNotOk(job: DumpedJob): boolean {
  return job.policy !== "IGNORE" && (job.state === "DEAD" || job.state === "CANCELLED");
}

export function heirNotOk(job: DumpedJob): boolean {
  if (job.policy === "IGNORE") return false;
  return job.state === "DEAD" || (job.state === "CANCELLED" && job.reason === "REQUESTED");
}

export function notOkChildren(job: DumpedJob | undefined, view: View): number {
  return job === undefined ? 0 : belowOf(job, view).filter((node) => node.role === "CHILD" && childNotOk(node)).length;
}
