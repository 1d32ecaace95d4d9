import type { ErrorCode } from "../../../src/core/errors.ts";
import type { Outcome } from "../../../src/core/job.ts";
import type { DumpedJob } from "../../../src/store/dump.ts";
import { error, typed } from "../jobs.ts";
import type { LeaseName, SettleCommand } from "./command.ts";
import { anyDeclaration } from "./generate-jobs.ts";
import type { Random } from "./random.ts";
import { inState, leaseOf, outcomeKinds, roomBelow, type View } from "./view.ts";

/** A lease that never was. */
export const nobody = "nobody#1";

export function settles(random: Random, view: View): readonly SettleCommand[] {
  const running = inState(view, "RUNNING");
  const items: SettleCommand[] = [];
  for (let count = random.int(1, 4); count > 0; count -= 1) {
    if (running.length > 0 && !random.chance(0.08)) items.push(settle(random, view, random.pick(running)));
    else if (view.leases.length > 0) items.push(repeat(random, view, random.pick(view.leases)));
    else items.push({ lease: nobody, outcome: { kind: "release" }, sent: "release", jitter: 0 });
  }
  return items;
}

function settle(random: Random, view: View, job: DumpedJob): SettleCommand {
  const lease = leaseOf(job);
  const jitter = random.next();
  if (random.chance(0.03)) {
    const problem: ErrorCode = "PAYLOAD_TOO_LARGE";
    return { lease, sent: "success", jitter, problem, outcome: failure(random, problem) };
  }
  const outcome = random.weighted<() => Outcome>([
    [8, () => success(random, view, job)],
    [job.role === "CHILD" && job.backoff !== undefined ? 6 : 2.5, () => failure(random)],
    [
      job.policy === "FAIL_FAST" ? 8 : job.role === "HEIR" ? 4 : 2,
      () => ({ kind: "discard", error: error(`discarded ${random.int(0, 9)}`) }),
    ],
    [1.2, () => ({ kind: "snooze", delayMs: random.int(1, 800) })],
    [1, () => ({ kind: "release" })],
    [1.5, () => ({ kind: "cancel", message: random.chance(0.5) ? "no" : "" })],
  ])();
  return { lease, outcome, sent: outcome.kind, jitter };
}

/** An earlier outcome again, or another one for its lease. */
function repeat(random: Random, view: View, lease: LeaseName): SettleCommand {
  const sent = view.sent.get(lease);
  if (sent !== undefined && random.chance(0.6)) return sent;
  const kind = random.pick(outcomeKinds);
  const outcome: Outcome = kind === "success" ? succeed() : kind === "snooze" ? { kind, delayMs: 5 } : failure(random);
  return { lease, outcome, sent: outcome.kind, jitter: 0 };
}

/** What a job declares beside children that it staged is heirs only. */
function success(random: Random, view: View, job: DumpedJob): Outcome {
  const declared = roomBelow(view, job) && random.chance(0.5) ? anyDeclaration(random, view) : [];
  const nodes = job.staged > 0 ? declared.filter((node) => node.edge.role === "HEIR") : declared;
  const result = random.chance(0.6) ? typed(`result ${random.int(0, 99)}`, "test.v1.Result") : undefined;
  return succeed({ nodes, result, staged: random.chance(0.95) ? job.staged : random.int(0, 3) });
}

export function succeed(options: Partial<Omit<Success, "kind">> = {}): Success {
  return { kind: "success", nodes: [], ...options };
}

type Success = Extract<Outcome, { kind: "success" }>;

function failure(random: Random, name = "Error"): Outcome {
  const retryAfterMs = random.weighted([
    [8, undefined],
    [1, random.int(1, 500)],
    [0.5, 0],
  ]);
  return {
    kind: "failure",
    error: error(`failed ${random.int(0, 9)}`, name),
    timedOut: random.chance(0.2),
    retryAfterMs,
  };
}
