import { isTerminal } from "../core/job.ts";
import type { LeaseId } from "../core/names.ts";
import { awaitedBelow, candidatesBelow, endsOf, isSame, minus } from "./counter-invariants.ts";
import type { DumpedJob, StoreDump } from "./dump.ts";
import { belowOf, isWhole, type View, viewOf, wasReleased } from "./dump-view.ts";
import { heirIsDue } from "./heir-invariants.ts";
import type { InvariantReport } from "./invariants.ts";
import type { QueueRecord } from "./queue.ts";

/** Every lease seen so far with the attempt that it was for; `checkStep` fills it. */
export type LeaseLedger = Map<LeaseId, string>;

/** Checks what two dumps, taken before and after any one verb, can show of the invariants. `leases` spans a whole history. */
export function checkStep(before: StoreDump, after: StoreDump, leases: LeaseLedger = new Map()): InvariantReport {
  const violations: string[] = [];
  const evaluated: Record<string, number> = {};
  const check = (name: string, holds: boolean, job: DumpedJob | QueueRecord): void => {
    evaluated[name] = (evaluated[name] ?? 0) + 1;
    if (!holds) violations.push(`${name}: ${"id" in job ? `job ${job.id} is ${job.state}` : `queue ${job.name}`}`);
  };
  const [old, now] = [viewOf(before, {}), viewOf(after, {})];
  for (const job of before.jobs) {
    const next = now.byId.get(job.id);
    check("I1 no job disappears but with its ended chain", next !== undefined || isRemoved(job, old, now), job);
    if (next === undefined) continue;
    checkJob(job, next, { old, now, check });
    checkRelease(job, next, { old, now, check });
    if (job.reviving !== undefined || next.reviving !== undefined) checkRevival(job, next, { old, now, check });
  }
  for (const job of after.jobs) {
    if (!old.byId.has(job.id)) checkNew(job, { old, now, check });
    if (job.leaseId !== undefined) checkLease(job, leases, check);
  }
  checkQueues(before, after, check);
  return { violations, evaluated };
}

type Check = (name: string, holds: boolean, job: DumpedJob | QueueRecord) => void;

interface Step {
  readonly old: View;
  readonly now: View;
  readonly check: Check;
}

/** Chains go whole, once they have ended, from their newest job on: while the root is there it is marked. */
function isRemoved(job: DumpedJob, old: View, now: View): boolean {
  const [root, left] = [old.byId.get(job.rootId), now.byId.get(job.rootId)];
  if (root === undefined || !isTerminal(root.state) || !isTerminal(job.state)) return false;
  return left === undefined || left.pruning;
}

function checkJob(before: DumpedJob, after: DumpedJob, { now, check }: Step): void {
  const sameEpoch = before.epoch === after.epoch;
  check("I2 epochs never fall", after.epoch >= before.epoch, after);
  if (isTerminal(before.state) && sameEpoch) {
    const same =
      after.state === before.state && after.reason === before.reason && after.finishedAt === before.finishedAt;
    check("I2 a terminal state stays, within its epoch", same, after);
    // An inherited result goes with the heir that gave it.
    const stays = sameBytes(before.result?.bytes, after.result?.bytes) || !isWhole(after, now);
    check("I2 the result of a terminal job stays", stays, after);
  }
  check("I3 attempts never fall", after.attempt >= before.attempt, after);
  if (after.leaseId !== undefined && after.leaseId !== before.leaseId) {
    check("I3 a new lease is a new attempt", after.attempt > before.attempt, after);
  }
  check("I4 the version rises with every change", after.version > before.version || unchanged(before, after), after);
  check("I4 what history says stays", historyStays(before, after), after);
  if (before.role === "HEIR" && sameEpoch && before.hold !== "BARRIER") {
    check("I5 an heir is released at most once an epoch", after.hold !== "BARRIER", after);
  }
  if (before.edgeFlipped === true && sameEpoch) check("I6 a flipped edge stays", after.edgeFlipped === true, after);
  if (before.run !== undefined && sameEpoch) check("I6 a run ends once", after.run === before.run, after);
  if (before.cancelRequested && before.state === "AWAITING_CHILDREN") {
    const ends = after.state === "AWAITING_CHILDREN" || after.state === "CANCELLED";
    check("cancel: an awaiting job that was asked to stop ends cancelled", ends, after);
  }
  check("I16 payload and place in the chain never change", samePlace(before, after), after);
}

/** An heir leaves its barrier only when its release is due: seen here, since what was true then may be revived later. */
function checkRelease(before: DumpedJob, after: DumpedJob, { now, check }: Step): void {
  if (before.role !== "HEIR" || (before.hold !== "BARRIER" && after.epoch === before.epoch)) return;
  if (isTerminal(after.state) || !wasReleased({ ...after, attempt: after.attempt - before.attempt })) return;
  check("I5 an heir that is released in a step is due in it", heirIsDue(after, now), after);
}

/** A revival counts all it will bring back when it begins, and from then on each node that it brings back, once. */
function checkRevival(before: DumpedJob, after: DumpedJob, { old, now, check }: Step): void {
  const expected =
    before.reviving === undefined
      ? endsOf(candidatesBelow(after, now))
      : minus(awaitedBelow(before, old), endsOf(broughtBack(before, { old, now })));
  check("I6 a revival counts each node that it brings back", isSame(awaitedBelow(after, now), expected), after);
}

/** As they were before: terminal, and in an older epoch. */
function broughtBack(parent: DumpedJob, { old, now }: Omit<Step, "check">): DumpedJob[] {
  return belowOf(parent, old).filter((node) => (now.byId.get(node.id)?.epoch ?? 0) > node.epoch);
}

/** A job that is new below another came with the success of that one or with its tree, or was staged under that success. */
function checkNew(job: DumpedJob, { old, now, check }: Step): void {
  const parent = job.parentId === undefined ? undefined : old.byId.get(job.parentId);
  if (parent === undefined) return;
  const declares = parent.state === "RUNNING" && parent.run === undefined;
  check("I7 jobs are declared only by a running parent", declares || wasStaged(parent, { old, now }), job);
}

function wasStaged(parent: DumpedJob, { old, now }: Omit<Step, "check">): boolean {
  if (parent.run === undefined) return false;
  const after = now.byId.get(parent.id);
  if (after === undefined) return false;
  return belowOf(after, now).length - belowOf(parent, old).length === parent.staged - after.staged;
}

function checkLease(job: DumpedJob, leases: LeaseLedger, check: Check): void {
  if (job.leaseId === undefined) return;
  const attempt = JSON.stringify([job.id, job.epoch, job.attempt]);
  check("I3 lease ids never repeat", (leases.get(job.leaseId) ?? attempt) === attempt, job);
  leases.set(job.leaseId, attempt);
}

/** More jobs run than before only as far as the queue's settings let them. */
function checkQueues(before: StoreDump, after: StoreDump, check: Check): void {
  const old = new Map(before.queues.map((queue) => [queue.name, queue]));
  const held = new Set(before.jobs.map((job) => job.leaseId));
  for (const queue of after.queues) {
    const claimed = after.jobs.some((job) => job.queue === queue.name && job.leaseId && !held.has(job.leaseId));
    const { maxConcurrency, paused } = queue.settings;
    if (!claimed) continue;
    if (maxConcurrency !== undefined)
      check("I15 never above the limit of a queue", running(queue) <= maxConcurrency, queue);
    const wasPaused = old.get(queue.name)?.settings.paused === true;
    check("I15 nothing is handed out of a paused queue", !(paused && wasPaused), queue);
  }
}

function running(queue: QueueRecord): number {
  return queue.lanes.reduce((sum, lane) => sum + (lane.counts.RUNNING ?? 0), 0);
}

function historyStays(before: DumpedJob, after: DumpedJob): boolean {
  const later = new Map(after.attempts.map((attempt) => [attempt.number, attempt]));
  return before.attempts.every((attempt) => {
    const same = later.get(attempt.number);
    if (attempt.outcome === undefined || same === undefined) return true;
    return (
      same.outcome === attempt.outcome && same.endedAt === attempt.endedAt && same.error?.name === attempt.error?.name
    );
  });
}

function samePlace(before: DumpedJob, after: DumpedJob): boolean {
  return (
    sameBytes(before.payload.bytes, after.payload.bytes) &&
    before.type === after.type &&
    before.queue === after.queue &&
    before.createdAt === after.createdAt &&
    before.rootId === after.rootId &&
    before.parentId === after.parentId &&
    before.role === after.role &&
    before.depth === after.depth &&
    before.key === after.key &&
    before.position === after.position
  );
}

const changing = [
  "state",
  "hold",
  "reason",
  "runAt",
  "ranAt",
  "finishedAt",
  "epoch",
  "attempt",
  "failureCount",
  "crashCount",
  "snoozeCount",
  "releaseCount",
  "pendingChildren",
  "pendingHeirs",
  "cancelRequested",
  "cancelHeirs",
  "reviving",
  "errorFingerprint",
] as const satisfies readonly (keyof DumpedJob)[];

function unchanged(before: DumpedJob, after: DumpedJob): boolean {
  return before.version === after.version && changing.every((key) => before[key] === after[key]);
}

function sameBytes(left: Uint8Array | undefined, right: Uint8Array | undefined): boolean {
  if (left === right) return true;
  if (left === undefined || right === undefined) return false;
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
