import assert from "node:assert/strict";
import { test } from "node:test";
import type { Run } from "../../src/core/chain.ts";
import { type AttemptOutcome, type EndReason, type JobState, serverDefaults } from "../../src/core/job.ts";
import { limits } from "../../src/core/limits.ts";
import { decideOutcome, type LeaseEnd, type OutcomeContext, type RunningRecord } from "../../src/core/outcome.ts";
import type { Move } from "../../src/core/transition.ts";

const fresh: RunningRecord = {
  cancelRequested: false,
  ownReason: undefined,
  failureCount: 0,
  crashCount: 0,
  snoozeCount: 0,
  releaseCount: 0,
};

const fixed = { kind: "FIXED", initialMs: 1_000, maxMs: 60_000, multiplier: 1, jitter: 0 } as const;
const context: OutcomeContext = {
  now: 5_000,
  options: { ...serverDefaults, maxAttempts: 2, crashLimit: 3, backoff: fixed },
  jitter: 0,
  nodesBelow: 0,
  openBelow: 0,
  notOkBelow: false,
};
const error = { name: "Error", message: "broken", stack: "" };
const ends = {
  success: { kind: "success", nodes: [] },
  failure: { kind: "failure", error, timedOut: false },
  timeout: { kind: "failure", error, timedOut: true },
  discard: { kind: "discard", error },
  snooze: { kind: "snooze", delayMs: 7_000 },
  release: { kind: "release" },
  giveBack: { kind: "giveBack" },
  crash: { kind: "crash" },
  cancel: { kind: "cancel", message: "enough" },
} as const satisfies Record<string, LeaseEnd>;

type Expected = readonly [AttemptOutcome, Move, JobState, Run | undefined, EndReason | undefined, number | undefined];

function decide(end: LeaseEnd, job: Partial<RunningRecord> = {}, given: Partial<OutcomeContext> = {}): Expected {
  const { recorded, move, state, run, ownReason, runAt } = decideOutcome({ ...fresh, ...job }, end, {
    ...context,
    ...given,
  });
  return [recorded, move, state, run, ownReason, runAt];
}

test("outcome / each end of a lease leads to its state (25)", () => {
  const none = undefined;
  assert.deepEqual(decide(ends.success), ["SUCCEEDED", "succeed", "COMPLETED", "SUCCEEDED", none, none]);
  assert.deepEqual(decide(ends.failure), ["FAILED", "fail", "RETRYING", none, none, 6_000]);
  assert.deepEqual(decide(ends.timeout), ["TIMED_OUT", "fail", "RETRYING", none, none, 6_000]);
  assert.deepEqual(decide(ends.discard), ["DISCARDED", "discard", "DEAD", "DEAD", "DISCARDED", none]);
  assert.deepEqual(decide(ends.snooze), ["SNOOZED", "snooze", "SCHEDULED", none, none, 12_000]);
  assert.deepEqual(decide(ends.release), ["RELEASED", "giveBack", "READY", none, none, none]);
  assert.deepEqual(decide(ends.giveBack), ["RELEASED", "giveBack", "READY", none, none, none]);
  assert.deepEqual(decide(ends.crash), ["CRASHED", "crash", "RETRYING", none, none, 6_000]);
  assert.deepEqual(decide(ends.cancel), ["CANCELLED", "cancel", "CANCELLED", "CANCELLED", "REQUESTED", none]);
});

test("outcome / the last failure and the last crash are deaths with their own reasons (17, 27)", () => {
  const exhausted = decide(ends.failure, { failureCount: 1, crashCount: 2 });
  assert.deepEqual(exhausted, ["FAILED", "fail", "DEAD", "DEAD", "ATTEMPTS_EXHAUSTED", undefined]);
  assert.equal(decide(ends.crash, { failureCount: 1, crashCount: 1 })[2], "RETRYING");
  const crashed = decide(ends.crash, { crashCount: 2 });
  assert.deepEqual(crashed, ["CRASHED", "crash", "DEAD", "DEAD", "CRASH_LIMIT", undefined]);
});

test("outcome / each end spends its own budget and no other (29)", () => {
  const counts = (end: LeaseEnd) => decideOutcome(fresh, end, context).counts;
  assert.deepEqual(counts(ends.success), {});
  assert.deepEqual(counts(ends.failure), { failureCount: 1 });
  assert.deepEqual(counts(ends.crash), { crashCount: 1 });
  assert.deepEqual(counts(ends.snooze), { snoozeCount: 1 });
  assert.deepEqual(counts(ends.release), { releaseCount: 1 });
  assert.deepEqual(counts(ends.discard), {});
});

test("outcome / a snooze over the limit is a failure named so (29)", () => {
  const last = decideOutcome({ ...fresh, snoozeCount: limits.snoozesMax - 1 }, ends.snooze, context);
  assert.equal(last.recorded, "SNOOZED");
  const over = decideOutcome({ ...fresh, snoozeCount: limits.snoozesMax }, ends.snooze, context);
  assert.equal(over.recorded, "FAILED");
  assert.equal(over.error?.name, "SNOOZE_LIMIT");
  assert.deepEqual(over.counts, { failureCount: 1 });
});

test("outcome / with nodes below open a run that ended waits for them, however it ended", () => {
  for (const end of [ends.success, ends.discard, ends.cancel]) {
    assert.equal(decide(end, {}, { nodesBelow: 2, openBelow: 2 })[2], "AWAITING_CHILDREN");
  }
  assert.equal(decide(ends.failure, { failureCount: 1 }, { nodesBelow: 1, openBelow: 1 })[2], "AWAITING_CHILDREN");
  assert.equal(decide(ends.failure, {}, { nodesBelow: 1, openBelow: 1 })[2], "RETRYING");
  assert.equal(decide(ends.success, {}, { nodesBelow: 1, notOkBelow: true })[2], "AWAITING_CHILDREN");
});

test("outcome / a success that was to be cancelled counts, unless it declared something (39)", () => {
  const asked = { cancelRequested: true, ownReason: "SIBLING_FAILED" } as const;
  assert.deepEqual(decide(ends.success, asked), [
    "SUCCEEDED",
    "succeed",
    "COMPLETED",
    "SUCCEEDED",
    undefined,
    undefined,
  ]);
  const declared = decide(ends.success, asked, { nodesBelow: 1, openBelow: 1 });
  assert.deepEqual(declared.slice(2, 5), ["AWAITING_CHILDREN", "SKIPPED", "SIBLING_FAILED"]);
});

test("outcome / every other end of a job that was to be cancelled cancels it for the reason asked and spends nothing", () => {
  const asked = { ...fresh, cancelRequested: true, ownReason: "SIBLING_FAILED" } as const;
  for (const [kind, end] of Object.entries(ends)) {
    if (kind === "success") continue;
    const decision = decideOutcome({ ...asked, failureCount: 1 }, end, context);
    assert.deepEqual(
      [decision.recorded, decision.move, decision.state, decision.run, decision.ownReason, decision.counts],
      ["CANCELLED", "cancel", "CANCELLED", "CANCELLED", "SIBLING_FAILED", {}],
      kind,
    );
  }
  assert.deepEqual(decideOutcome(asked, ends.failure, context).error, error);
});

test("outcome / the handler's own wait is taken, an invalid one falls back to the policy (30, 35)", () => {
  const wait = (retryAfterMs: number) => decide({ ...ends.failure, retryAfterMs })[5];
  assert.equal(wait(2_500), 7_500);
  assert.equal(wait(0), 6_000);
  assert.equal(wait(-5), 6_000);
  assert.equal(wait(Number.NaN), 6_000);
  assert.equal(wait(limits.backoffMsMax + 1), 6_000);
});
