import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type EdgeEnd, flipEdges, type ReviveScope } from "../../src/core/chain.ts";
import { type EndReason, isTerminal, type JobState, jobStates } from "../../src/core/job.ts";
import {
  blocksRevival,
  decideRetry,
  isReviveTarget,
  type OpenAncestor,
  openAncestorRefusal,
  scopeAbove,
  scopeAtRetried,
  scopeBelow,
  uncount,
  wasAccepted,
} from "../../src/core/revive.ts";

const node = (overrides: Partial<EdgeEnd> = {}): EdgeEnd => ({
  role: "CHILD",
  policy: "FAIL",
  state: "CANCELLED",
  reason: "SIBLING_FAILED",
  ...overrides,
});

test("retry / what a job's own record says of it (33)", () => {
  const table: Readonly<Record<JobState, string>> = {
    SCHEDULED: "pull",
    READY: "unchanged",
    RUNNING: "refused STATE",
    RETRYING: "pull",
    AWAITING_CHILDREN: "refused STATE",
    HELD: "refused STATE",
    COMPLETED: "refused STATE",
    DEAD: "revive",
    CANCELLED: "refused CANCELLED",
  };
  for (const state of jobStates) {
    const told = (expected?: number) => {
      const decision = decideRetry({ state, epoch: 2 }, expected);
      return decision.kind === "refused" ? `refused ${decision.why}` : decision.kind;
    };
    assert.equal(told(), table[state], state);
    assert.equal(told(2), table[state], state);
    assert.equal(told(1), "unchanged", state);
    assert.equal(told(3), "refused EPOCH", state);
  }
});

test("retry / an ancestor that is over, being stopped, or never accepted stands in the way (33)", () => {
  const open = { state: "AWAITING_CHILDREN", run: "SUCCEEDED", cancelRequested: false } as const;
  assert.equal(blocksRevival(open), false);
  assert.equal(blocksRevival({ ...open, state: "DEAD" }), false); // its chain failed: it is reopened
  assert.equal(blocksRevival({ ...open, cancelRequested: true }), true);
  for (const state of ["COMPLETED", "CANCELLED"] as const) assert.equal(blocksRevival({ ...open, state }), true);
  for (const run of ["DEAD", "CANCELLED", "SKIPPED", undefined] as const) {
    assert.equal(blocksRevival({ ...open, run }), true, run);
  }
});

test("retry / below an open job nothing is revived while its heirs run, or while anything beside the way is ending (33)", () => {
  const open: OpenAncestor = { barrierJudged: false, cascade: undefined, reviving: undefined };
  const running = { state: "RUNNING", run: undefined, cancelRequested: false, edgeFlipped: false } as const;
  const ended = { ...running, state: "CANCELLED", run: "CANCELLED", edgeFlipped: true } as const;
  assert.equal(openAncestorRefusal(open, [running, ended]), undefined);
  assert.equal(openAncestorRefusal({ ...open, barrierJudged: true }, []), "BARRIER");
  assert.equal(openAncestorRefusal({ ...open, cascade: "FAIL_FAST" }, []), "BUSY");
  assert.equal(openAncestorRefusal({ ...open, reviving: "HEIRS" }, []), "BUSY");
  assert.equal(openAncestorRefusal(open, [{ ...running, cancelRequested: true }]), "BUSY");
  assert.equal(openAncestorRefusal(open, [{ ...ended, edgeFlipped: false }]), "BUSY");
  for (const run of ["CANCELLED", "SKIPPED"] as const) {
    assert.equal(openAncestorRefusal(open, [{ ...running, state: "AWAITING_CHILDREN", run }]), "BUSY", run);
  }
  const awaiting = { ...running, state: "AWAITING_CHILDREN", run: "SUCCEEDED" } as const;
  assert.equal(openAncestorRefusal(open, [awaiting]), undefined);
});

test("revival / what comes back follows from the scope (52)", () => {
  const table: readonly (readonly [EdgeEnd, ...scopes: readonly ReviveScope[]])[] = [
    [node(), "CANCELLED", "DEAD"],
    [node({ reason: "REQUESTED" })],
    [node({ state: "DEAD", reason: "DISCARDED" }), "DEAD"],
    [node({ state: "COMPLETED", reason: undefined })],
    [node({ role: "HEIR", reason: "DEPENDENCY_FAILED" }), "HEIRS", "CANCELLED", "DEAD"],
    [node({ role: "HEIR", reason: "REQUESTED" })],
    [node({ role: "HEIR", state: "DEAD", reason: "CHAIN_FAILED" }), "DEAD"],
    [node({ role: "HEIR", state: "COMPLETED", reason: undefined })],
  ];
  for (const [each, ...scopes] of table) {
    for (const scope of ["HEIRS", "CANCELLED", "DEAD"] as const) {
      assert.equal(isReviveTarget(scope, each), scopes.includes(scope), `${scope} ${JSON.stringify(each)}`);
    }
  }
  assert.deepEqual([scopeAbove("HEIR"), scopeAbove("CHILD")], ["HEIRS", "CANCELLED"]);
  assert.deepEqual([scopeAtRetried("SUCCEEDED"), scopeAtRetried("DEAD")], ["DEAD", "CANCELLED"]);
  assert.deepEqual(
    [scopeBelow("DEAD"), scopeBelow("CANCELLED"), scopeBelow("HEIRS")],
    ["DEAD", "CANCELLED", "CANCELLED"],
  );
});

test("revival / a run was accepted also when its job was asked to stop before its success (52)", () => {
  assert.equal(wasAccepted("SUCCEEDED", undefined), true); // a group has no lease
  assert.equal(wasAccepted("SKIPPED", "SUCCEEDED"), true);
  assert.equal(wasAccepted("SKIPPED", undefined), false);
  assert.equal(wasAccepted("SKIPPED", "FAILED"), false);
  for (const run of ["DEAD", "CANCELLED", undefined] as const) assert.equal(wasAccepted(run, "SUCCEEDED"), false, run);
});

test("revival / takes back exactly what the flips of the same ends counted", () => {
  const reasons: readonly (EndReason | undefined)[] = ["REQUESTED", "SIBLING_FAILED", "DISCARDED", undefined];
  const ends = fc.record({
    role: fc.constantFrom<EdgeEnd["role"][]>("CHILD", "HEIR"),
    policy: fc.constantFrom<EdgeEnd["policy"][]>("FAIL", "IGNORE", "FAIL_FAST"),
    state: fc.constantFrom(...jobStates.filter(isTerminal)),
    reason: fc.constantFrom(...reasons),
  });
  fc.assert(
    fc.property(fc.array(ends, { maxLength: 9 }), (all) => {
      const counters = {
        pendingChildren: all.filter((end) => end.role === "CHILD").length,
        pendingHeirs: all.filter((end) => end.role === "HEIR").length,
        childrenNotOk: 1,
        heirsNotOk: 2,
      };
      const parent = { role: "ROOT", policy: "FAIL", trigger: "SUCCEEDED", ownReason: undefined } as const;
      const own = { state: "AWAITING_CHILDREN", run: "SUCCEEDED", cancelRequested: false, cancelHeirs: false } as const;
      const { failFast: _, ...flipped } = flipEdges({ ...parent, ...own, ...counters }, all);
      assert.deepEqual(uncount(flipped, all), counters);
    }),
  );
});
