import assert from "node:assert/strict";
import { child, failure, heir, job, jobId, success, tree } from "../jobs.ts";
import { cancelJob } from "./ask.ts";
import type { Case } from "./case.ts";
import { brokers, commit } from "./two-brokers.ts";
import { only, ttlMs } from "./world.ts";

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
