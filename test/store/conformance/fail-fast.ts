import assert from "node:assert/strict";
import { cancel, child, discard, heir, job, success } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { failFast } from "./fail-fast-family.ts";
import { ttlMs } from "./world.ts";

export const failFastCases: readonly Case[] = [
  {
    name: "fail fast / cancels open siblings in every waiting state, children only (47)",
    async run(world) {
      await failFast(
        world,
        child("done"),
        child("retrying"),
        child("scheduled", { delayMs: 60_000 }),
        child("ignored", { policy: "IGNORE" }),
        heir("s", { trigger: "SETTLED" }),
        heir("a", { trigger: "ANY_FAILED" }),
        heir("h"),
      );
      await world.succeed("done");
      await world.fail("retrying");
      await world.release("ignored");
      const answer = await world.discard("c");
      assert.equal(answer.effects.cascadeDue, true);
      await world.upkeep();
      await world.expect({
        c: "DEAD:DISCARDED",
        done: "COMPLETED",
        retrying: "CANCELLED:SIBLING_FAILED",
        scheduled: "CANCELLED:SIBLING_FAILED",
        ignored: "CANCELLED:SIBLING_FAILED",
        s: "READY",
        a: "READY",
        h: "CANCELLED:DEPENDENCY_FAILED",
        p: "AWAITING_CHILDREN",
      });
      world.advance(10_000_000);
      await world.promote();
      assert.deepEqual(await world.claimIds(), world.inOrder(["s", "a"]));
    },
  },
  {
    name: "fail fast / asks running siblings to stop, the barrier waits for them (47)",
    async run(world) {
      await failFast(world, child("x"), heir("h", { trigger: "SETTLED" }));
      await world.discard("c");
      const step = await world.store.cascade({ max: 100 });
      assert.deepEqual(
        step.effects.cancels.map((each) => [each.sessionId, each.leaseId, each.reason]),
        [["session-1", world.lease("x").leaseId, "SIBLING_FAILED"]],
      );
      await world.upkeep();
      await world.expect({ x: "RUNNING", h: "HELD:BARRIER" });
      assert.equal((await world.get("x")).cancelRequested, true);
      assert.equal((await world.store.cascade({ max: 100 })).count, 0);
      await world.fail("x");
      await world.expect({ x: "CANCELLED:SIBLING_FAILED", h: "READY" });
    },
  },
  {
    name: "fail fast / a cancel by it starts no other (47)",
    async run(world) {
      await failFast(world, child("d", { policy: "FAIL_FAST" }), child("e", { policy: "FAIL_FAST" }), child("x"));
      await world.release("d");
      await world.release("e");
      await world.discard("c");
      await world.upkeep();
      await world.expect({ d: "CANCELLED:SIBLING_FAILED", e: "CANCELLED:SIBLING_FAILED", x: "RUNNING" });
      await world.fail("x");
      await world.upkeep();
      await world.expect({ x: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
      assert.equal((await world.dumped("p")).childrenNotOk, 4);
    },
  },
  {
    name: "fail fast / with nothing else open there is nothing to cascade (47)",
    async run(world) {
      await failFast(world, child("d"));
      await world.succeed("d");
      const answer = await world.discard("c");
      assert.equal(answer.effects.cascadeDue, false);
      await world.expect({ p: "DEAD:CHAIN_FAILED" });
      assert.equal((await world.store.cascade({ max: 10 })).count, 0);
    },
  },
  {
    name: "fail fast / a sibling that ends in the same batch is not cancelled (47)",
    async run(world) {
      await failFast(world, child("d"));
      await world.settle(world.item("c", discard()), world.item("d", success()));
      await world.upkeep();
      await world.expect({ c: "DEAD:DISCARDED", d: "COMPLETED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "fail fast / reaches through a sibling's whole subtree (47)",
    async run(world) {
      await failFast(world, child("mid"), heir("h"));
      await world.succeed("mid", [child("m1"), child("m2"), heir("mh"), heir("ms", { trigger: "SETTLED" })]);
      await world.claim({ jobsMax: 1 });
      await world.succeed("m1", [child("m11")]);
      await world.discard("c");
      await world.upkeep(1);
      await world.expect({
        m11: "CANCELLED:PARENT_CANCELLED",
        m1: "CANCELLED:PARENT_CANCELLED",
        m2: "CANCELLED:PARENT_CANCELLED",
        mh: "CANCELLED:PARENT_CANCELLED",
        ms: "READY",
        mid: "AWAITING_CHILDREN",
        h: "HELD:BARRIER",
      });
      assert.equal((await world.get("mid")).cancelRequested, true);
      assert.deepEqual(await world.claimIds(), ["ms"]);
      await world.succeed("ms");
      await world.upkeep();
      await world.expect({ mid: "CANCELLED:SIBLING_FAILED", h: "CANCELLED:DEPENDENCY_FAILED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "fail fast / cancels a released SUCCEEDED heir of a cancelled sibling, running too (47)",
    async run(world) {
      await failFast(world, child("mid"), child("mid2"));
      await world.succeed("mid", [heir("ready"), heir("settled", { trigger: "SETTLED" })]);
      await world.succeed("mid2", [heir("running")]);
      await world.claim({ jobsMax: 3 });
      await world.release("ready");
      await world.release("settled");
      await world.discard("c");
      await world.upkeep();
      await world.expect({ ready: "CANCELLED:PARENT_CANCELLED", running: "RUNNING", settled: "READY" });
      assert.equal((await world.get("running")).cancelRequested, true);
      await world.fail("running");
      await world.upkeep();
      await world.expect({ running: "CANCELLED:PARENT_CANCELLED", mid2: "CANCELLED:SIBLING_FAILED" });
      await world.claim();
      await world.succeed("settled");
      await world.upkeep();
      await world.expect({ mid: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "fail fast / a child whose own chain failed cancels its siblings too (47)",
    async run(world) {
      await declare(world, "p", child("mid", { policy: "FAIL_FAST" }), child("x", { delayMs: 1_000 }));
      await world.claim();
      await world.succeed("mid", [child("leaf")]);
      await world.claim();
      await world.discard("leaf");
      await world.expect({ x: "SCHEDULED" });
      await world.upkeep();
      await world.expect({ mid: "DEAD:CHAIN_FAILED", x: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "fail fast / by crash, and by a handler's own cancel (20)",
    async run(world) {
      await world.store.updateQueue(job("x", { queue: "fragile" }).queue, { crashLimit: 1 });
      await declare(world, "p", child("c", { policy: "FAIL_FAST", queue: "fragile" }), child("x"));
      await world.claim({ session: await world.openSession(), lanes: [{ queue: "fragile" }] });
      world.advance(ttlMs);
      await world.reap();
      await world.upkeep();
      await world.expect({ c: "DEAD:CRASH_LIMIT", x: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
      await declare(world, "q", child("qc", { policy: "FAIL_FAST" }), child("qx"));
      await world.claim({ jobsMax: 1 });
      await world.end("qc", cancel);
      await world.upkeep();
      await world.expect({ qc: "CANCELLED:REQUESTED", qx: "CANCELLED:SIBLING_FAILED", q: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "fail fast / a cascade from above wins over a job's own, also within one step (47)",
    async run(world) {
      await failFast(world, child("mid"));
      await world.succeed("mid", [child("m1", { policy: "FAIL_FAST" }), child("m2"), heir("mh")]);
      await world.claim();
      await world.settle(world.item("c", discard()), world.item("m1", discard()));
      const step = await world.store.cascade({ max: 100 });
      assert.deepEqual(
        step.effects.cancels.map((each) => [each.leaseId, each.reason]),
        [[world.lease("m2").leaseId, "PARENT_CANCELLED"]],
      );
      await world.upkeep();
      await world.fail("m2");
      await world.upkeep();
      await world.expect({ m2: "CANCELLED:PARENT_CANCELLED", mh: "CANCELLED:PARENT_CANCELLED" });
      await world.expect({ mid: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
    },
  },
];
