import type { StoreDump } from "../../../src/store/dump.ts";
import type { Call } from "./history.ts";
import { takenBy } from "./loose.ts";

/** Jobs that could be claimed all the time since a claim began, with their priority; by claim. */
export type Watched = ReadonlyMap<Call, readonly string[]>;

/** As `priority id`. */
export function readyJobs(dump: StoreDump): readonly string[] {
  return dump.jobs.filter((each) => each.state === "READY").map((each) => `${each.priority} ${each.id}`);
}

/** Goes on watching after a call, for the claims that are left and may have begun. */
export function watch(before: Watched, left: readonly Call[], ready: readonly string[]): Watched {
  const firstEnd = Math.min(...left.map((each) => each.ended));
  const begun = left.filter((each) => each.begun < firstEnd && takenBy(each) !== undefined);
  return new Map(begun.map((each) => [each, before.get(each)?.filter((job) => ready.includes(job)) ?? ready]));
}

/** Jobs that this claim should have been given: nobody else touched them, and it had room, or took one whose turn was later. */
export function unseen(claim: Call, watched: Watched, calls: readonly Call[]): readonly string[] {
  const taken = takenBy(claim);
  if (taken === undefined || claim.operation.kind !== "commit") return [];
  const jobsMax = claim.operation.claim[0]?.jobsMax ?? 0;
  const least = taken.length < jobsMax ? Number.NEGATIVE_INFINITY : Math.min(...taken.map((each) => each.priority));
  const others = calls.filter((each) => each !== claim && each.begun < claim.ended && claim.begun < each.ended);
  if (others.some((each) => each.operation.kind === "cascade")) return []; // may have locked any of them
  const touched = new Set([...taken.map((each) => each.jobId), ...others.flatMap(jobsTouchedBy)]);
  return (watched.get(claim) ?? []).filter((each) => {
    const [priority, id = ""] = each.split(" ");
    return Number(priority) > least && !touched.has(id);
  });
}

function jobsTouchedBy(call: Call): readonly string[] {
  const settled = call.operation.kind === "commit" ? call.operation.settle.map((each) => each.lease) : [];
  const jobs = settled.map((lease) => lease.slice(0, lease.lastIndexOf("#")));
  return [...jobs, ...(takenBy(call) ?? []).map((each) => each.jobId)];
}
