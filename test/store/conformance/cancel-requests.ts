import assert from "node:assert/strict";
import { child, failure, group, heir, job, jobId, release, success, tree } from "../jobs.ts";
import { cancelJob } from "./ask.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { brokers, commit } from "./two-brokers.ts";
import { only, ttlMs, type World } from "./world.ts";

const threeHeirs = [heir("s"), heir("f", { trigger: "ANY_FAILED" }), heir("e", { trigger: "SETTLED" })] as const;

/** p awaits a running child c and an heir of each trigger. */
async function awaiting(world: World): Promise<void> {
  await declare(world, "p", child("c"), ...threeHeirs);
  await world.claim();
}

export const cancelRequestCases: readonly Case[] = [
  {
    name: "jpoz: a cancelled job is found by its id, leaves its queue and is never handed out (38)",
    async run(world) {
      await world.insert(job("a", { payload: '{"to": "x",  "n": 1.0}' }), job("b"));
      const { answer } = await cancelJob(world, "a");
      assert.deepEqual(answer, { kind: "cancelled", state: "CANCELLED", changed: true });
      await world.expect({ a: "CANCELLED:REQUESTED" });
      assert.deepEqual(await world.claimIds(), ["b"]);
      const lanes = (await world.store.getQueue(job("a").queue))?.lanes;
      assert.deepEqual(lanes?.[0]?.counts, { CANCELLED: 1, RUNNING: 1 });
    },
  },
  {
    name: "cancel / a job that is not there is missing (38)",
    async run(world) {
      await world.insert(job("a"));
      const told = await world.store.cancel([
        { id: jobId("nobody"), includeHeirs: false },
        { id: jobId("a"), includeHeirs: true },
      ]);
      assert.deepEqual(told.answers, [{ kind: "missing" }, { kind: "cancelled", state: "CANCELLED", changed: true }]);
      assert.deepEqual(told.effects.ended, [{ id: "a", state: "CANCELLED" }]);
    },
  },
  {
    name: "cancel / scheduled, ready, retrying and held jobs are cancelled at once (38)",
    async run(world) {
      await world.insert(job("ready"), job("later", { delayMs: 500 }), job("retrying", { priority: 1 }));
      await world.insert(tree(job("p", { delayMs: 500 }), child("held"), heir("barrier")));
      await world.claim({ jobsMax: 1 });
      await world.fail("retrying", 500);
      for (const id of ["ready", "later", "retrying", "held", "barrier"]) {
        const { answer } = await cancelJob(world, id);
        assert.deepEqual(answer, { kind: "cancelled", state: "CANCELLED", changed: true }, id);
        assert.equal(await world.state(id), "CANCELLED:REQUESTED", id);
      }
      world.advance(1_000);
      await world.promote();
      assert.deepEqual(await world.claimIds(), ["p"]);
      await world.succeed("p");
      await world.expect({ p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "cancel / changes nothing of a job that has ended, or that was asked before (38)",
    async run(world) {
      await world.insert(job("done"), job("dead"), job("running"));
      await world.claim();
      await world.succeed("done");
      await world.discard("dead");
      await cancelJob(world, "running");
      for (const [id, state] of [
        ["done", "COMPLETED"],
        ["dead", "DEAD"],
        ["running", "RUNNING"],
      ]) {
        const before = await world.get(id ?? "");
        const { answer, effects } = await cancelJob(world, id ?? "");
        assert.deepEqual(answer, { kind: "cancelled", state, changed: false });
        assert.deepEqual([effects.ended, effects.cancels], [[], []]);
        assert.deepEqual(await world.get(id ?? ""), before);
      }
    },
  },
  {
    name: "cancel / a running job is asked to stop, and its worker is told until it did (38, 40)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      const { leaseId } = world.lease("a");
      const { answer, effects } = await cancelJob(world, "a");
      assert.deepEqual(answer, { kind: "cancelled", state: "RUNNING", changed: true });
      const session = await world.worker();
      assert.deepEqual(effects.cancels, [{ sessionId: session.sessionId, leaseId, reason: "REQUESTED" }]);
      const found = await world.get("a");
      assert.deepEqual([found.state, found.cancelRequested, found.reason], ["RUNNING", true, undefined]);
      for (let times = 0; times < 2; times += 1) {
        const renewed = await world.renew(session);
        assert.deepEqual(renewed, { kind: "renewed", cancels: [{ leaseId, reason: "REQUESTED" }] });
      }
      await world.end("a", failure());
      await world.expect({ a: "CANCELLED:REQUESTED" });
    },
  },
  {
    name: "cancel / a running job that finishes well although asked is completed (39)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      await cancelJob(world, "a", { includeHeirs: true });
      await world.succeed("a", [], "fine");
      await world.expect({ a: "COMPLETED" });
      const found = await world.dumped("a");
      assert.deepEqual([found.cancelRequested, found.cancelHeirs], [false, false]);
    },
  },
  {
    name: "cancel / a lost worker's job that was asked to stop ends cancelled, not retried (38, 40)",
    async run(world) {
      const session = await world.openSession();
      await world.insert(job("a"));
      await world.claim({ session });
      await cancelJob(world, "a");
      world.advance(ttlMs);
      await world.reap();
      await world.expect({ a: "CANCELLED:REQUESTED" });
    },
  },
  {
    name: "cancel / below an awaiting job children and SUCCEEDED heirs go, SETTLED heirs run, ANY_FAILED ones are judged (51)",
    async run(world) {
      await awaiting(world);
      const { answer, effects } = await cancelJob(world, "p");
      assert.deepEqual(answer, { kind: "cancelled", state: "AWAITING_CHILDREN", changed: true });
      assert.equal(effects.cascadeDue, true);
      await world.upkeep();
      assert.equal((await world.get("c")).cancelRequested, true);
      await world.expect({ p: "AWAITING_CHILDREN", s: "CANCELLED:PARENT_CANCELLED", e: "HELD:BARRIER" });
      await world.end("c", release);
      await world.expect({ c: "CANCELLED:PARENT_CANCELLED", f: "READY", e: "READY" });
      await world.drain();
      await world.expect({ f: "COMPLETED", e: "COMPLETED", p: "CANCELLED:REQUESTED" });
    },
  },
  {
    name: "cancel / with its heirs none of them runs, whatever its trigger (51)",
    async run(world) {
      await awaiting(world);
      await cancelJob(world, "p", { includeHeirs: true });
      assert.equal((await world.dumped("p")).cancelHeirs, true);
      await world.upkeep();
      for (const id of ["s", "f", "e"]) assert.equal(await world.state(id), "CANCELLED:PARENT_CANCELLED", id);
      await world.end("c", release);
      await world.expect({ p: "CANCELLED:REQUESTED", c: "CANCELLED:PARENT_CANCELLED" });
      assert.deepEqual(await world.drain(), []);
    },
  },
  {
    name: "cancel / heirs can be asked for after the job, also those that run already (51)",
    async run(world) {
      await awaiting(world);
      await cancelJob(world, "p");
      await world.upkeep();
      await world.end("c", release);
      await world.claim();
      const first = await cancelJob(world, "p");
      assert.deepEqual(first.answer, { kind: "cancelled", state: "AWAITING_CHILDREN", changed: false });
      const second = await cancelJob(world, "p", { includeHeirs: true });
      assert.deepEqual(second.answer, { kind: "cancelled", state: "AWAITING_CHILDREN", changed: true });
      const third = await cancelJob(world, "p", { includeHeirs: true });
      assert.equal(third.answer.kind === "cancelled" && third.answer.changed, false);
      await world.upkeep();
      for (const id of ["f", "e"]) assert.equal((await world.get(id)).cancelRequested, true, id);
      await world.settle(world.item("f", release), world.item("e", release));
      await world.expect({
        p: "CANCELLED:REQUESTED",
        f: "CANCELLED:PARENT_CANCELLED",
        e: "CANCELLED:PARENT_CANCELLED",
      });
    },
  },
  {
    name: "cancel / a running job asked for with its heirs takes them when its lease ends (39, 51)",
    async run(world) {
      await world.insert(tree(job("p"), child("c"), ...threeHeirs));
      await world.claim();
      await cancelJob(world, "p");
      const { answer } = await cancelJob(world, "p", { includeHeirs: true });
      assert.deepEqual(answer, { kind: "cancelled", state: "RUNNING", changed: true });
      await world.end("p", failure());
      await world.upkeep();
      for (const id of ["c", "s", "f", "e"]) assert.equal(await world.state(id), "CANCELLED:PARENT_CANCELLED", id);
      await world.expect({ p: "CANCELLED:REQUESTED" });
    },
  },
  {
    name: "cancel / a waiting job with something below ends its own run and awaits it (38, 51)",
    async run(world) {
      await world.insert(tree(job("p"), child("c", {}, child("cc")), heir("e", { trigger: "SETTLED" }), heir("s")));
      const { answer, effects } = await cancelJob(world, "p");
      assert.deepEqual(answer, { kind: "cancelled", state: "AWAITING_CHILDREN", changed: true });
      assert.deepEqual([effects.cascadeDue, effects.ended.map((each) => each.id)], [true, ["p"]]);
      assert.deepEqual(await world.claimIds(), []);
      for (let steps = 0; steps < 20; steps += 1) {
        await world.store.cascade({ max: 1 });
        await world.store.propagate({ max: 1 });
      }
      await world.expect({ c: "CANCELLED:PARENT_CANCELLED", cc: "CANCELLED:PARENT_CANCELLED", e: "READY" });
      await world.expect({ s: "CANCELLED:PARENT_CANCELLED", p: "AWAITING_CHILDREN" });
      await world.drain();
      await world.expect({ p: "CANCELLED:REQUESTED" });
    },
  },
  {
    name: "cancel / a group that waits for its time goes with all below it (38, 51)",
    async run(world) {
      await world.insert(tree(group("g", { delayMs: 500 }), child("c"), heir("h", { trigger: "SETTLED" })));
      await cancelJob(world, "g", { includeHeirs: true });
      await world.upkeep();
      await world.expect({
        g: "CANCELLED:REQUESTED",
        c: "CANCELLED:PARENT_CANCELLED",
        h: "CANCELLED:PARENT_CANCELLED",
      });
      world.advance(1_000);
      await world.promote();
      assert.deepEqual(await world.claimIds(), []);
    },
  },
  {
    name: "cancel / a group whose child was cancelled before its time fails (47, 51)",
    async run(world) {
      await world.insert(tree(group("g", { delayMs: 500 }), child("c")));
      await world.insert(tree(group("fine", { delayMs: 500 }), child("d", { policy: "IGNORE" })));
      await cancelJob(world, "c");
      await cancelJob(world, "d");
      await world.expect({ g: "SCHEDULED", fine: "SCHEDULED" });
      world.advance(500);
      await world.promote();
      await world.expect({ g: "DEAD:CHAIN_FAILED", fine: "COMPLETED" });
    },
  },
  {
    name: "cancel / of a child settles its parent by its policy (47, 51)",
    async run(world) {
      await declare(world, "p", child("c"), heir("f", { trigger: "ANY_FAILED" }), heir("s"));
      await cancelJob(world, "c");
      await world.expect({ c: "CANCELLED:REQUESTED", s: "CANCELLED:DEPENDENCY_FAILED", f: "READY" });
      await declare(world, "q", child("d", { policy: "IGNORE" }));
      const { effects } = await cancelJob(world, "d");
      assert.deepEqual(effects.ended.map((each) => `${each.id} ${each.state}`).toSorted(), [
        "d CANCELLED",
        "q COMPLETED",
      ]);
      await declare(world, "r", child("fast", { policy: "FAIL_FAST" }), child("other"));
      await cancelJob(world, "fast");
      await world.upkeep();
      await world.expect({ other: "CANCELLED:SIBLING_FAILED", r: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "cancel / of an heir fails its chain, unless it is ignored (47, 51)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h"));
      await declare(world, "q", child("d"), heir("i", { policy: "IGNORE" }));
      await cancelJob(world, "h");
      await cancelJob(world, "i");
      await world.succeed("c"); // claimed with the root of the other chain
      await world.drain();
      await world.expect({ h: "CANCELLED:REQUESTED", p: "DEAD:CHAIN_FAILED", q: "COMPLETED" });
    },
  },
  {
    name: "cancel / a thousand jobs in one call, each answered at its place (38)",
    async run(world) {
      const ids = Array.from({ length: 999 }, (_, index) => `a${index}`);
      await world.insert(...ids.map((id) => job(id)));
      await world.claim({ jobsMax: 10 });
      const told = await world.store.cancel([...ids, "nobody"].map((id) => ({ id: jobId(id), includeHeirs: false })));
      assert.equal(told.answers.length, 1_000);
      assert.deepEqual(told.answers[999], { kind: "missing" });
      const states = told.answers.flatMap((each) => (each.kind === "cancelled" ? [each.state] : []));
      assert.equal(states.filter((state) => state === "RUNNING").length, 10);
      assert.equal(states.filter((state) => state === "CANCELLED").length, 989);
      assert.equal(told.effects.cancels.length, 10);
    },
  },
  brokers("a job that runs at one is cancelled at the other (38)", async (world, [one, other]) => {
    await world.insert(job("a"));
    await world.claim();
    const told = await other.cancel([{ id: jobId("a"), includeHeirs: false }]);
    assert.deepEqual(told.answers, [{ kind: "cancelled", state: "RUNNING", changed: true }]);
    assert.equal(told.effects.cancels.length, 1);
    const session = await world.worker();
    const { renewed } = await commit(one, { renew: [{ ...session, ttlMs, buffered: [] }] });
    const answer = only(renewed);
    assert.equal(answer.kind === "renewed" && answer.cancels.length, 1);
    const { settled } = await commit(one, { settle: [world.item("a", success([child("d")]))] });
    assert.equal(only(settled).kind, "accepted");
    await world.upkeep();
    await world.expect({ a: "CANCELLED:REQUESTED", d: "CANCELLED:PARENT_CANCELLED" });
  }),
];
