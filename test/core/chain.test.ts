import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type BelowMode,
  belowMode,
  type ChainRecord,
  cascadeTouches,
  decideCancel,
  decideHeir,
  flipEdges,
  type Run,
  reasonBelow,
  verdict,
} from "../../src/core/chain.ts";
import { type JobState, jobStates, type Trigger } from "../../src/core/job.ts";

const plain: ChainRecord = {
  state: "AWAITING_CHILDREN",
  role: "CHILD",
  policy: "FAIL",
  trigger: "SUCCEEDED",
  run: "SUCCEEDED",
  ownReason: undefined,
  cancelRequested: false,
  cancelHeirs: false,
  pendingChildren: 0,
  pendingHeirs: 0,
  childrenNotOk: 0,
  heirsNotOk: 0,
};

const record = (overrides: Partial<ChainRecord>): ChainRecord => ({ ...plain, ...overrides });

test("chain / what may run below follows from how the own run ended", () => {
  const table: readonly (readonly [Run, boolean, BelowMode])[] = [
    ["SUCCEEDED", false, "RUN"],
    ["SUCCEEDED", true, "SETTLED_ONLY"],
    ["CANCELLED", false, "SETTLED_ONLY"],
    ["CANCELLED", true, "SETTLED_ONLY"],
    ["DEAD", false, "NOTHING"],
    ["DEAD", true, "NOTHING"],
    ["SKIPPED", false, "NOTHING"],
    ["SKIPPED", true, "NOTHING"],
  ];
  for (const [run, cancelRequested, mode] of table) {
    assert.equal(belowMode({ run, cancelRequested, cancelHeirs: false }), mode, run);
    const withHeirs = mode === "SETTLED_ONLY" ? "NOTHING" : mode;
    assert.equal(belowMode({ run, cancelRequested, cancelHeirs: true }), withHeirs, `${run} with its heirs`);
  }
  assert.throws(() => belowMode({ run: undefined, cancelRequested: false, cancelHeirs: false }), /not over/);
});

test("chain / heirs are judged by mode and trigger", () => {
  const table: readonly (readonly [BelowMode, Trigger, number, string])[] = [
    ["RUN", "SUCCEEDED", 0, "release"],
    ["RUN", "SUCCEEDED", 1, "skip DEPENDENCY_FAILED"],
    ["RUN", "ANY_FAILED", 0, "skip TRIGGER_NOT_MET"],
    ["RUN", "ANY_FAILED", 1, "release"],
    ["RUN", "SETTLED", 0, "release"],
    ["RUN", "SETTLED", 1, "release"],
    ["SETTLED_ONLY", "SUCCEEDED", 0, "cancel"],
    ["SETTLED_ONLY", "SUCCEEDED", 1, "cancel"],
    ["SETTLED_ONLY", "ANY_FAILED", 0, "skip TRIGGER_NOT_MET"],
    ["SETTLED_ONLY", "ANY_FAILED", 1, "release"],
    ["SETTLED_ONLY", "SETTLED", 1, "release"],
    ["NOTHING", "SUCCEEDED", 0, "cancel"],
    ["NOTHING", "ANY_FAILED", 1, "cancel"],
    ["NOTHING", "SETTLED", 0, "cancel"],
  ];
  for (const [mode, trigger, notOk, expected] of table) {
    const decision = decideHeir(mode, trigger, notOk);
    const told = decision.kind === "skip" ? `skip ${decision.reason}` : decision.kind;
    assert.equal(told, expected, `${mode} ${trigger} ${notOk}`);
  }
});

test("chain / below a death the reason is PARENT_FAILED all the way down, else PARENT_CANCELLED", () => {
  assert.equal(reasonBelow({ run: "DEAD", ownReason: "DISCARDED" }), "PARENT_FAILED");
  assert.equal(reasonBelow({ run: "SKIPPED", ownReason: "PARENT_FAILED" }), "PARENT_FAILED");
  assert.equal(reasonBelow({ run: "CANCELLED", ownReason: "REQUESTED" }), "PARENT_CANCELLED");
  assert.equal(reasonBelow({ run: "SKIPPED", ownReason: "DEPENDENCY_FAILED" }), "PARENT_CANCELLED");
});

test("cancel / a waiting job ends at once, or awaits what is below it (38)", () => {
  for (const state of ["SCHEDULED", "READY", "RETRYING", "HELD"] as const) {
    const job = record({ state, run: undefined });
    const leaf = { kind: "end", run: "CANCELLED", state: "CANCELLED", heirs: false, cascade: false };
    const skippedLeaf = { ...leaf, run: "SKIPPED", heirs: true };
    assert.deepEqual(decideCancel(job, { parentMode: "RUN" }), leaf);
    assert.deepEqual(decideCancel(job, { parentMode: "SETTLED_ONLY" }), leaf);
    assert.deepEqual(decideCancel(job, { parentMode: "NOTHING" }), skippedLeaf);
    const above = { ...leaf, state: "AWAITING_CHILDREN", cascade: true };
    assert.deepEqual(decideCancel({ ...job, pendingChildren: 1 }, { parentMode: "RUN" }), above);
    assert.deepEqual(decideCancel({ ...job, pendingHeirs: 1 }, { parentMode: "RUN" }), above);
    const withHeirs = decideCancel({ ...job, pendingHeirs: 1 }, { parentMode: "RUN", includeHeirs: true });
    assert.deepEqual(withHeirs, { ...above, heirs: true });
  }
});

test("cancel / a running or awaiting job is only asked, once, and a terminal one is left alone", () => {
  const nothing = { kind: "nothing" };
  const running = record({ state: "RUNNING", run: undefined });
  const asked = { kind: "request", heirs: false, cascade: false };
  assert.deepEqual(decideCancel(running, { parentMode: "RUN" }), asked);
  assert.deepEqual(decideCancel({ ...running, cancelRequested: true }, { parentMode: "RUN" }), nothing);
  assert.deepEqual(decideCancel(record({ pendingChildren: 1 }), { parentMode: "RUN" }), { ...asked, cascade: true });
  assert.deepEqual(decideCancel(record({ cancelRequested: true }), { parentMode: "RUN" }), nothing);
  for (const run of ["DEAD", "SKIPPED"] as const) {
    assert.deepEqual(decideCancel(record({ run }), { parentMode: "NOTHING" }), nothing);
  }
  for (const state of ["COMPLETED", "DEAD", "CANCELLED"] as const) {
    assert.deepEqual(decideCancel(record({ state }), { parentMode: "NOTHING" }), { kind: "nothing" });
  }
});

test("cascade / FAIL_FAST touches children only, a cancelled parent spares SETTLED and ANY_FAILED heirs", () => {
  const heir = (trigger: Trigger) => record({ role: "HEIR", state: "HELD", run: undefined, trigger });
  const child = record({ state: "READY", run: undefined });
  assert.equal(cascadeTouches("FAIL_FAST", "RUN", child), true);
  assert.equal(cascadeTouches("FAIL_FAST", "RUN", heir("SUCCEEDED")), false);
  assert.equal(cascadeTouches("BELOW", "SETTLED_ONLY", child), true);
  assert.equal(cascadeTouches("BELOW", "SETTLED_ONLY", heir("SUCCEEDED")), true);
  assert.equal(cascadeTouches("BELOW", "SETTLED_ONLY", heir("SETTLED")), false);
  assert.equal(cascadeTouches("BELOW", "SETTLED_ONLY", heir("ANY_FAILED")), false);
  assert.equal(cascadeTouches("BELOW", "NOTHING", heir("SETTLED")), true);
  assert.equal(cascadeTouches("BELOW", "NOTHING", record({ state: "COMPLETED" })), false);
});

test("edges / flips are summed and only bad ends that are not ignored count (47)", () => {
  const parent = record({ pendingChildren: 4, pendingHeirs: 3 });
  const end = { role: "CHILD", policy: "FAIL", reason: undefined } as const;
  const flipped = flipEdges(parent, [
    { ...end, state: "COMPLETED" },
    { ...end, state: "DEAD", reason: "CHAIN_FAILED" },
    { ...end, state: "CANCELLED", reason: "REQUESTED", policy: "IGNORE" },
    { ...end, role: "HEIR", state: "CANCELLED", reason: "DEPENDENCY_FAILED" },
    { ...end, role: "HEIR", state: "CANCELLED", reason: "REQUESTED" },
    { ...end, role: "HEIR", state: "DEAD", reason: "DISCARDED", policy: "IGNORE" },
  ]);
  assert.deepEqual(flipped, { pendingChildren: 1, pendingHeirs: 0, childrenNotOk: 1, heirsNotOk: 1, failFast: false });
  assert.throws(() => flipEdges(record({}), [{ ...end, state: "COMPLETED" }]), /twice/);
});

test("edges / FAIL_FAST fires for an open barrier, and never from what it cancelled itself", () => {
  const end = { role: "CHILD", policy: "FAIL_FAST", state: "DEAD", reason: "DISCARDED" } as const;
  const parent = record({ pendingChildren: 2 });
  assert.equal(flipEdges(parent, [end]).failFast, true);
  assert.equal(flipEdges({ ...parent, pendingChildren: 1 }, [end]).failFast, false);
  assert.equal(flipEdges(parent, [{ ...end, state: "CANCELLED", reason: "SIBLING_FAILED" }]).failFast, false);
  assert.equal(flipEdges(parent, [{ ...end, state: "CANCELLED", reason: "REQUESTED" }]).failFast, true);
  assert.equal(flipEdges(parent, [{ ...end, state: "COMPLETED", reason: undefined }]).failFast, false);
  assert.equal(flipEdges(parent, [{ ...end, policy: "FAIL" }]).failFast, false);
  assert.equal(flipEdges({ ...parent, cancelRequested: true }, [end]).failFast, false);
  assert.equal(flipEdges({ ...parent, run: "DEAD" }, [end]).failFast, false);
});

test("verdict / own death first, then cancelling, then the chain", () => {
  const end = (overrides: Partial<ChainRecord>) => verdict(record(overrides));
  assert.deepEqual(end({ run: "DEAD", ownReason: "DISCARDED", childrenNotOk: 2 }), {
    state: "DEAD",
    reason: "DISCARDED",
  });
  assert.deepEqual(end({ run: "CANCELLED", ownReason: "REQUESTED" }), { state: "CANCELLED", reason: "REQUESTED" });
  const skipped = { state: "CANCELLED", reason: "PARENT_FAILED" };
  assert.deepEqual(end({ run: "SKIPPED", ownReason: "PARENT_FAILED", childrenNotOk: 1 }), skipped);
  const asked = { state: "CANCELLED", reason: "SIBLING_FAILED" };
  assert.deepEqual(end({ cancelRequested: true, ownReason: "SIBLING_FAILED" }), asked);
  assert.deepEqual(end({ childrenNotOk: 1 }), { state: "DEAD", reason: "CHAIN_FAILED" });
  assert.deepEqual(end({ heirsNotOk: 1 }), { state: "DEAD", reason: "CHAIN_FAILED" });
  assert.deepEqual(end({}), { state: "COMPLETED", reason: undefined });
  assert.equal(end({ run: undefined }), undefined);
});

test("verdict / never falls while something below is open", () => {
  const runs = fc.constantFrom<(Run | undefined)[]>("SUCCEEDED", "DEAD", "CANCELLED", "SKIPPED", undefined);
  fc.assert(
    fc.property(runs, fc.nat(3), fc.nat(3), fc.boolean(), (run, pendingChildren, pendingHeirs, cancelRequested) => {
      const job = record({ run, pendingChildren, pendingHeirs, cancelRequested, ownReason: "REQUESTED" });
      const open = run === undefined || pendingChildren + pendingHeirs > 0;
      assert.equal(verdict(job) === undefined, open);
    }),
  );
});

test("cancel / its heirs can be asked for later, once", () => {
  const withHeirs = { parentMode: "RUN", includeHeirs: true } as const;
  const running = record({ state: "RUNNING", run: undefined, cancelRequested: true });
  const awaiting = [record({ cancelRequested: true }), record({ run: "CANCELLED" })];
  assert.deepEqual(decideCancel(running, withHeirs), { kind: "widen", heirs: true, cascade: false });
  for (const job of awaiting) {
    assert.deepEqual(decideCancel(job, withHeirs), { kind: "widen", heirs: true, cascade: true });
    assert.deepEqual(decideCancel(job, { parentMode: "SETTLED_ONLY" }), { kind: "nothing" });
    assert.equal(cascadeTouches("BELOW", "NOTHING", job), true);
  }
  for (const job of [running, ...awaiting]) {
    assert.deepEqual(decideCancel({ ...job, cancelHeirs: true }, withHeirs), { kind: "nothing" });
  }
});

test("cancel / is idempotent: what it decides leaves nothing more to decide", () => {
  const states = fc.constantFrom<JobState[]>(...jobStates);
  const modes = fc.constantFrom<BelowMode[]>("RUN", "SETTLED_ONLY", "NOTHING");
  fc.assert(
    fc.property(states, modes, fc.nat(2), fc.boolean(), (state, mode, pendingChildren, cancelRequested) => {
      const run = state === "AWAITING_CHILDREN" ? "SUCCEEDED" : undefined;
      const job = record({ state, run, pendingChildren, cancelRequested });
      const cause = { parentMode: mode, includeHeirs: pendingChildren === 0 };
      const decision = decideCancel(job, cause);
      if (decision.kind === "nothing") return;
      const cancelHeirs = decision.heirs;
      const next = decision.kind === "end" ? { ...job, ...decision } : { ...job, cancelRequested: true };
      assert.deepEqual(decideCancel({ ...next, cancelHeirs }, cause), { kind: "nothing" });
    }),
  );
});
