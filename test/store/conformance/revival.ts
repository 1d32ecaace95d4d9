import assert from "node:assert/strict";
import { cancel, child, failure, heir, job, tree } from "../jobs.ts";
import { cancelJob, revive } from "./ask.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { dying, epochs } from "./dying.ts";
import { many } from "./two-brokers.ts";

/** What a retry brings back with the job that it takes. */
export const revivalCases: readonly Case[] = [
  {
    name: "jpoz: a retried child still settles its parent, and the heir runs (45)",
    async run(world) {
      await declare(world, "p", child("a"), child("b"), heir("h"));
      await world.claim();
      await world.discard("a");
      await revive(world, "a");
      await world.succeed("b");
      await world.expect({ p: "AWAITING_CHILDREN", h: "HELD:BARRIER" });
      await world.claim();
      await world.succeed("a");
      await world.expect({ h: "READY" });
      await world.drain();
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "jpoz: a retried heir runs again and settles its chain (46)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h"), heir("done", { trigger: "SETTLED" }));
      await world.drain(dying("h"));
      await world.expect({ h: "DEAD:DISCARDED", p: "DEAD:CHAIN_FAILED" });
      await revive(world, "h");
      await world.expect({ p: "AWAITING_CHILDREN", h: "READY", c: "COMPLETED", done: "COMPLETED" });
      assert.deepEqual(await epochs(world, "p", "h", "c", "done"), [1, 1, 0, 0]);
      assert.deepEqual(await world.drain(), ["h"]);
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "revival / a retried child reopens its failed chain, whose barrier is judged anew (52)",
    async run(world) {
      await declare(world, "p", child("a"), child("b"), heir("s"), heir("f", { trigger: "ANY_FAILED" }));
      assert.deepEqual((await world.drain(dying("a"))).toSorted(), ["a", "b", "f"]);
      await world.expect({ p: "DEAD:CHAIN_FAILED", s: "CANCELLED:DEPENDENCY_FAILED", f: "COMPLETED" });
      const { effects } = await revive(world, "a").then((told) => ({ effects: told.effects }));
      assert.equal(effects.cascadeDue, true);
      const reopened = await world.get("p");
      assert.deepEqual([reopened.state, reopened.epoch, reopened.pendingHeirs], ["AWAITING_CHILDREN", 1, 1]);
      assert.deepEqual([reopened.reason, reopened.finishedAt], [undefined, undefined]);
      assert.ok(reopened.ranAt !== undefined);
      await world.expect({ s: "CANCELLED:DEPENDENCY_FAILED" });
      await world.upkeep();
      await world.expect({ s: "HELD:BARRIER", f: "COMPLETED" });
      assert.deepEqual(await world.drain(), ["a", "s"]);
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "revival / a chain that fails again skips its heirs again, and can be retried again (52)",
    async run(world) {
      await declare(world, "p", child("a"), heir("s"));
      await world.drain(dying("a"));
      for (const epoch of [1, 2, 3]) {
        await revive(world, "a");
        await world.drain(dying(epoch < 3 ? "a" : ""));
        assert.deepEqual(await epochs(world, "p", "a", "s"), [epoch, epoch, epoch]);
        if (epoch < 3) await world.expect({ p: "DEAD:CHAIN_FAILED", s: "CANCELLED:DEPENDENCY_FAILED" });
      }
      await world.expect({ p: "COMPLETED", s: "COMPLETED" });
    },
  },
  {
    name: "revival / siblings that FAIL_FAST took come back, in steps, those that ended by themselves do not (52)",
    async run(world) {
      const taken = many("t", 5);
      const nodes = [child("done"), child("gone"), ...taken.map((id) => child(id)), child("later", { delayMs: 9_000 })];
      await declare(world, "p", child("a", { policy: "FAIL_FAST", priority: -1 }), ...nodes);
      await world.claim();
      await world.succeed("done");
      await cancelJob(world, "gone");
      await world.end("gone", cancel);
      await world.discard("a");
      for (let step = 0; step < 9; step += 1) await world.store.cascade({ max: 1 });
      for (const id of taken) await world.end(id, failure());
      await world.expect({ later: "CANCELLED:SIBLING_FAILED", t0: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
      await revive(world, "a");
      assert.equal((await world.get("p")).pendingChildren, 7);
      for (let left = 5; left >= 0; left -= 1) {
        const step = await world.store.cascade({ max: 1 });
        assert.deepEqual([step.count, step.more], [1, left > 0]);
        assert.equal((await world.get("p")).pendingChildren, 7);
        assert.equal((await world.dumped("p")).reviving, left > 0 ? "CANCELLED" : undefined);
      }
      await world.expect({
        t0: "READY",
        t4: "READY",
        later: "SCHEDULED",
        done: "COMPLETED",
        gone: "CANCELLED:REQUESTED",
      });
      world.advance(9_000);
      assert.deepEqual((await world.drain()).toSorted(), ["a", "later", ...taken]);
      await world.expect({ p: "DEAD:CHAIN_FAILED" }); // by the child that was cancelled by request
    },
  },
  {
    name: "revival / a sibling whose run was accepted awaits again what was cancelled below it (52)",
    async run(world) {
      await declare(world, "p", child("a", { policy: "FAIL_FAST" }), child("x"), child("full"));
      await world.claim();
      await world.succeed("x", [child("x1"), child("x2"), heir("xh")]);
      await world.succeed("full", [child("f1")]);
      await world.claim({ jobsMax: 1 });
      await world.succeed("x1");
      await world.discard("a");
      await world.upkeep();
      await world.expect({ x: "CANCELLED:SIBLING_FAILED", x2: "CANCELLED:PARENT_CANCELLED", p: "DEAD:CHAIN_FAILED" });
      await revive(world, "a");
      await world.upkeep();
      await world.expect({ x: "AWAITING_CHILDREN", x1: "COMPLETED", x2: "READY", xh: "HELD:BARRIER" });
      await world.expect({ full: "AWAITING_CHILDREN", f1: "READY" });
      assert.deepEqual((await world.drain()).toSorted(), ["a", "f1", "x2", "xh"]);
      await world.expect({ x: "COMPLETED", full: "COMPLETED", p: "COMPLETED" });
    },
  },
  {
    name: "revival / a sibling that had all below it done when it was cancelled takes its verdict at once (52)",
    async run(world) {
      await declare(world, "p", child("a", { policy: "FAIL_FAST" }), child("x"));
      await world.claim();
      await world.succeed("x", [child("x1")], "result of x");
      await world.claim();
      await world.discard("a");
      await world.store.cascade({ max: 1 });
      await world.upkeep();
      await world.succeed("x1");
      await world.upkeep();
      await world.expect({ x: "CANCELLED:SIBLING_FAILED", x1: "COMPLETED" });
      await revive(world, "a");
      const step = await world.store.cascade({ max: 10 });
      assert.deepEqual([step.count, step.more], [1, false]);
      await world.expect({ x: "COMPLETED", p: "AWAITING_CHILDREN" });
      assert.deepEqual([(await world.get("p")).pendingChildren, (await world.dumped("x")).edgeFlipped], [1, true]);
      assert.deepEqual(await world.drain(), ["a"]);
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "revival / of a parent whose own run died revives what was cancelled below it (52)",
    async run(world) {
      await world.insert(tree(job("p"), child("c", {}, child("cc")), heir("h", { trigger: "SETTLED" })));
      await world.drain(dying("p"));
      await world.expect({ p: "DEAD:DISCARDED", c: "CANCELLED:PARENT_FAILED", cc: "CANCELLED:PARENT_FAILED" });
      await revive(world, "p");
      await world.expect({ p: "READY" });
      await world.upkeep(1);
      await world.expect({ c: "HELD:PARENT", cc: "HELD:PARENT", h: "HELD:BARRIER" });
      assert.deepEqual(await epochs(world, "p", "c", "cc", "h"), [1, 1, 1, 1]);
      assert.deepEqual(await world.drain(), ["p", "c", "cc", "h"]);
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "revival / a parent may run before all below it is back, and nothing is lost or early (48, 52)",
    async run(world) {
      await world.insert(tree(job("p"), child("a"), child("b"), heir("h")));
      await world.drain(dying("p"));
      await revive(world, "p");
      await world.store.cascade({ max: 1 });
      await world.expect({ a: "HELD:PARENT", b: "CANCELLED:PARENT_FAILED" });
      await world.claim();
      await world.succeed("p", [child("declared")]);
      await world.expect({ p: "AWAITING_CHILDREN", a: "READY", b: "CANCELLED:PARENT_FAILED", declared: "READY" });
      await world.claim();
      await world.succeed("a");
      await world.succeed("declared");
      assert.equal((await world.get("p")).pendingChildren, 1);
      await world.upkeep();
      await world.expect({ b: "READY", h: "HELD:BARRIER" });
      assert.deepEqual(await world.drain(), ["b", "h"]);
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "revival / a parent that dies again before all below it is back takes all of it with it (20, 52)",
    async run(world) {
      await world.insert(tree(job("p"), child("a"), child("b"), heir("h", { trigger: "SETTLED" })));
      await world.drain(dying("p"));
      await revive(world, "p");
      await world.store.cascade({ max: 1 });
      await world.claim();
      await world.discard("p");
      await world.expect({ p: "AWAITING_CHILDREN" });
      await world.upkeep();
      await world.expect({ p: "DEAD:DISCARDED", a: "CANCELLED:PARENT_FAILED", b: "CANCELLED:PARENT_FAILED" });
      assert.deepEqual(await world.drain(), []);
    },
  },
];
