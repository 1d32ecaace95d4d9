import type { CancelItem, RetryItem } from "../../../src/store/change.ts";
import type { DumpedJob } from "../../../src/store/dump.ts";
import { child, jobId } from "../jobs.ts";
import type { Unaimed } from "./command.ts";
import { edgeOptions, newId } from "./generate-jobs.ts";
import { nobody } from "./generate-settles.ts";
import type { Random } from "./random.ts";
import { inState, leaseOf, open, roomBelow, type View } from "./view.ts";

type Request<Kind extends Unaimed["kind"]> = Extract<Unaimed, { kind: Kind }>;

/** What users ask for: mostly of jobs that can still be cancelled. */
export function cancels(random: Random, view: View): Request<"cancel"> {
  const items = some(random, (): CancelItem => {
    const jobs = random.chance(0.85) ? open(view) : view.dump.jobs;
    return { id: pickId(random, jobs), includeHeirs: random.chance(0.35) };
  });
  return { kind: "cancel", items };
}

/** Mostly of dead jobs, those that took others with them first; seen at their epoch or at another. */
export function retries(random: Random, view: View): Request<"retry"> {
  const items = some(random, (): RetryItem => {
    const job = toRetry(random, view);
    if (job === undefined) return { id: jobId("nobody") };
    const expectedEpoch = random.weighted([
      [8, undefined],
      [2, job.epoch],
      [0.5, job.epoch + 1],
      [0.5, job.epoch - 1],
    ]);
    return { id: job.id, expectedEpoch };
  });
  return { kind: "retry", items };
}

function toRetry(random: Random, view: View): DumpedJob | undefined {
  const dead = inState(view, "DEAD");
  const fast = dead.filter((job) => job.policy === "FAIL_FAST");
  const heirs = dead.filter((job) => job.role === "HEIR" && job.run === "DEAD");
  const jobs = random.weighted<readonly DumpedJob[]>([
    [fast.length > 0 ? 5 : 0, fast],
    [heirs.length > 0 ? 16 : 0, heirs],
    [dead.length > 0 ? 6 : 0, dead],
    [1, inState(view, "SCHEDULED")],
    [1.5, inState(view, "RETRYING")],
    [0.7, view.dump.jobs],
  ]);
  return jobs.length === 0 ? undefined : random.pick(jobs);
}

/** Children of running jobs, frame by frame; now and then a frame again, one too early, or a key twice. */
export function stages(random: Random, view: View): Request<"stage"> {
  const running = inState(view, "RUNNING").filter((job) => roomBelow(view, job));
  const items = some(random, () => {
    const lease = pickLease(random, view, running);
    const last = view.frames.get(lease) ?? 0;
    const seq = random.weighted([
      [9, last + 1],
      [0.7, Math.max(1, last)],
      [0.5, last + 2],
    ]);
    const keyed = random.chance(0.15);
    const nodes = Array.from({ length: random.int(1, 3) }, (_, index) =>
      child(newId(view), { ...edgeOptions(random, view, "CHILD"), ...(keyed && { key: `k${index}` }) }),
    );
    return { lease, seq, nodes: nodes.map(({ edge, job }) => ({ edge, job })) };
  });
  return { kind: "stage", items };
}

export function reports(random: Random, view: View): Request<"report"> {
  const running = inState(view, "RUNNING");
  const items = some(random, () => ({
    lease: pickLease(random, view, running),
    bytes: new Uint8Array(random.int(0, 4)).map(() => random.int(0, 255)),
  }));
  return { kind: "report", items };
}

/** Mostly of roots that have ended. */
export function removal(random: Random, view: View): Request<"remove"> {
  const ended = inState(view, "COMPLETED", "CANCELLED").filter((job) => job.role === "ROOT");
  const roots = some(random, () => pickId(random, ended.length > 0 && random.chance(0.8) ? ended : view.dump.jobs));
  return { kind: "remove", roots, max: random.pick([1, 2, 5, 100]) };
}

function some<T>(random: Random, make: () => T): T[] {
  const count = random.weighted([
    [6, 1],
    [2, 2],
    [1, 3],
  ]);
  return Array.from({ length: count }, make);
}

function pickId(random: Random, jobs: readonly DumpedJob[]): DumpedJob["id"] {
  return jobs.length === 0 || random.chance(0.03) ? jobId("nobody") : random.pick(jobs).id;
}

function pickLease(random: Random, view: View, running: readonly DumpedJob[]): string {
  if (running.length > 0 && !random.chance(0.08)) return leaseOf(random.pick(running));
  return view.leases.length > 0 ? random.pick(view.leases) : nobody;
}
