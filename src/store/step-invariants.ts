import { isTerminal } from "../core/job.ts";
import type { JobId, LeaseId } from "../core/names.ts";
import type { InvariantReport } from "./invariants.ts";
import type { DumpedJob, QueueRecord, StoreDump } from "./store.ts";

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
  const present = new Map(after.jobs.map((job) => [job.id, job]));
  const known = new Map(before.jobs.map((job) => [job.id, job]));
  for (const job of before.jobs) {
    const next = present.get(job.id);
    check("I1 no job disappears", next !== undefined, job);
    if (next === undefined) continue;
    checkJob(job, next, check);
  }
  for (const job of after.jobs) {
    if (!known.has(job.id)) checkNew(job, known, check);
    if (job.leaseId !== undefined) checkLease(job, leases, check);
  }
  checkQueues(before, after, check);
  return { violations, evaluated };
}

type Check = (name: string, holds: boolean, job: DumpedJob | QueueRecord) => void;

function checkJob(before: DumpedJob, after: DumpedJob, check: Check): void {
  const sameEpoch = before.epoch === after.epoch;
  check("I2 epochs never fall", after.epoch >= before.epoch, after);
  if (isTerminal(before.state) && sameEpoch) {
    const same =
      after.state === before.state && after.reason === before.reason && after.finishedAt === before.finishedAt;
    check("I2 a terminal state stays, within its epoch", same, after);
    check("I2 the result of a terminal job stays", sameBytes(before.result?.bytes, after.result?.bytes), after);
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

/** A job that is new below another came with the success of that one, or with its tree. */
function checkNew(job: DumpedJob, known: ReadonlyMap<JobId, DumpedJob>, check: Check): void {
  const parent = job.parentId === undefined ? undefined : known.get(job.parentId);
  if (parent === undefined) return;
  check("I7 jobs are declared only by a running parent", parent.state === "RUNNING" && parent.run === undefined, job);
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
