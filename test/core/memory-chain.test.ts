import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTypeName } from "../../src/core/names.ts";
import { below, child, heir, jobId, newJob, treeOf } from "./world/jobs.ts";
import { failure, openWorld, success } from "./world/store-world.ts";

const bytes = (text: string) => ({ type: parseTypeName("test.v1.Result"), bytes: new TextEncoder().encode(text) });

test("memory / a declared heir runs after all children and gives its result", async () => {
  const world = await openWorld();
  await world.commit({ insert: [{ trees: [treeOf(newJob("root"))] }] });
  const nodes = [child("one"), child("two"), heir("heir", { asResult: true })];
  await world.run("root", { kind: "success", nodes, result: bytes("own") });
  assert.equal(await world.state("root"), "AWAITING_CHILDREN");
  assert.equal(await world.state("heir"), "HELD BARRIER");
  await world.run("one", success);
  await world.run("two", { kind: "success", nodes: [child("two.one")] });
  assert.equal(await world.state("heir"), "HELD BARRIER");
  await world.run("two.one", success);
  assert.equal(await world.state("two"), "COMPLETED");
  assert.equal((await world.job("two")).propagateDue, true);
  await world.settleDown();
  assert.equal(await world.state("heir"), "READY");
  await world.run("heir", { kind: "success", nodes: [], result: bytes("merged") });
  await world.settleDown();
  assert.equal(await world.state("root"), "COMPLETED");
  const root = await world.store.getJob(jobId("root"));
  assert.deepEqual(root?.result, bytes("merged"));
  assert.deepEqual(
    root?.attempts.map((attempt) => attempt.outcome),
    ["SUCCEEDED"],
  );
});

test("memory / the death of a FAIL_FAST child cancels waiting and running siblings", async () => {
  const world = await openWorld({ maxAttempts: 1 });
  const group = newJob("root", { payload: { type: parseTypeName("conveyor.v1.Group"), bytes: new Uint8Array() } });
  const tree = treeOf(
    group,
    below(0, child("fast", { policy: "FAIL_FAST" })),
    below(0, child("running")),
    below(0, child("waiting")),
    below(0, heir("any", { trigger: "ANY_FAILED" })),
    below(0, heir("all")),
    below(3, child("waiting.child")),
  );
  const answer = await world.commit({ insert: [{ trees: [tree] }] });
  assert.deepEqual(answer.effects.ended, [{ id: "root", state: "AWAITING_CHILDREN" }]);
  const leases = await world.claim(2);
  assert.deepEqual(
    leases.map((lease) => lease.jobId),
    ["fast", "running"],
  );
  const [fast, running] = leases;
  assert.ok(fast !== undefined && running !== undefined);
  await world.settle(fast.leaseId, failure());
  const step = await world.store.cascade({ max: 1 });
  assert.equal(step.count, 1);
  assert.deepEqual(
    step.effects.cancels.map((cancel) => cancel.reason),
    ["SIBLING_FAILED"],
  );
  const last = await world.store.cascade({ max: 1 });
  assert.deepEqual([last.count, last.more], [1, true]); // the one below "waiting" became due in that step
  await world.settleDown();
  assert.equal(await world.state("waiting.child"), "CANCELLED PARENT_CANCELLED");
  assert.equal(await world.state("waiting"), "CANCELLED SIBLING_FAILED");
  await world.settle(running.leaseId, failure());
  assert.equal(await world.state("running"), "CANCELLED SIBLING_FAILED");
  assert.equal(await world.state("all"), "CANCELLED DEPENDENCY_FAILED");
  assert.equal(await world.state("any"), "READY");
  await world.run("any", success);
  await world.settleDown();
  assert.equal(await world.state("root"), "DEAD CHAIN_FAILED");
});

test("memory / a verb that throws leaves nothing changed", async () => {
  const world = await openWorld();
  await world.commit({ insert: [{ trees: [treeOf(newJob("root"))] }] });
  const [lease] = await world.claim();
  assert.ok(lease !== undefined);
  const before = await world.store.dump();
  const clash = { kind: "success", nodes: [child("new"), child("root")] } as const;
  await assert.rejects(world.settle(lease.leaseId, clash));
  assert.deepEqual(await world.store.dump(), before);
  await world.settle(lease.leaseId, success);
  assert.equal(await world.state("root"), "COMPLETED");
});

test("memory / a cascade whose last nodes fill the step has no more to do", async () => {
  const world = await openWorld({ maxAttempts: 1 });
  const nodes = [child("fast", { policy: "FAIL_FAST" }), child("one"), child("two")];
  await world.commit({ insert: [{ trees: [treeOf(newJob("root"))] }] });
  await world.run("root", { kind: "success", nodes });
  await world.run("fast", failure());
  const { count, more } = await world.store.cascade({ max: 2 });
  assert.deepEqual([count, more], [2, false]);
  assert.equal(await world.state("root"), "DEAD CHAIN_FAILED");
});

test("memory / a death below a held tree reaches its heirs of every trigger", async () => {
  const world = await openWorld({ maxAttempts: 1 });
  const settled = heir("settled", { trigger: "SETTLED" });
  const tree = treeOf(
    newJob("root"),
    below(0, child("held")),
    below(1, settled),
    below(0, heir("any", { trigger: "ANY_FAILED" })),
  );
  await world.commit({ insert: [{ trees: [tree] }] });
  await world.run("root", failure());
  await world.settleDown();
  for (const id of ["held", "settled", "any"]) assert.equal(await world.state(id), "CANCELLED PARENT_FAILED");
  assert.equal((await world.job("settled")).run, "SKIPPED");
  assert.equal(await world.state("root"), "DEAD ATTEMPTS_EXHAUSTED");
});
