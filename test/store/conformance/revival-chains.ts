import assert from "node:assert/strict";
import { child, group, heir, job, success, tree } from "../jobs.ts";
import { refusal, revive } from "./ask.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { dying, epochs } from "./dying.ts";
import { brokers, many, upkeepOf } from "./two-brokers.ts";

/** Revivals over several levels, of whole chains, and of those that were revived before. */
export const revivalChainCases: readonly Case[] = [
  {
    name: "revival / through several levels reopens the path from the root down in one step (50, 52)",
    async run(world) {
      await declare(world, "root", child("mid"), heir("outer"));
      await world.claim();
      await world.succeed("mid", [child("low"), heir("inner")]);
      await world.claim();
      await world.succeed("low", [child("leaf"), child("fine")]);
      await world.drain(dying("leaf"));
      await world.expect({ root: "DEAD:CHAIN_FAILED", mid: "DEAD:CHAIN_FAILED", low: "DEAD:CHAIN_FAILED" });
      await world.expect({ inner: "CANCELLED:DEPENDENCY_FAILED", outer: "CANCELLED:DEPENDENCY_FAILED" });
      await revive(world, "leaf");
      await world.expect({
        root: "AWAITING_CHILDREN",
        mid: "AWAITING_CHILDREN",
        low: "AWAITING_CHILDREN",
        leaf: "READY",
      });
      assert.deepEqual(await epochs(world, "root", "mid", "low", "leaf", "fine"), [1, 1, 1, 1, 0]);
      assert.deepEqual(await world.drain(), ["leaf", "inner", "outer"]);
      await world.expect({ root: "COMPLETED" });
    },
  },
  {
    name: "revival / takes back an end that was still on its way up (50, 52)",
    async run(world) {
      await declare(world, "root", child("mid"), child("open"), heir("outer"));
      await world.claim();
      await world.succeed("mid", [child("leaf")]);
      await world.claim();
      await world.discard("leaf");
      assert.equal((await world.dumped("mid")).propagateDue, true);
      await revive(world, "leaf");
      const mid = await world.dumped("mid");
      assert.deepEqual([mid.state, mid.propagateDue, mid.edgeFlipped], ["AWAITING_CHILDREN", false, false]);
      assert.equal((await world.store.propagate({ max: 10 })).count, 0);
      assert.equal((await world.get("root")).pendingChildren, 2);
      await world.claim();
      await world.succeed("leaf");
      await world.upkeep();
      await world.expect({ mid: "COMPLETED", root: "AWAITING_CHILDREN" });
      await world.succeed("open");
      await world.drain();
      await world.expect({ root: "COMPLETED" });
    },
  },
  {
    name: "revival / of a failed chain retries the dead runs in it, at every depth (52)",
    async run(world) {
      await world.insert(
        tree(group("g"), child("a"), child("b"), child("c"), heir("h"), heir("e", { trigger: "SETTLED" })),
      );
      await world.claim();
      await world.succeed("b", [child("b1"), child("b2")]);
      await world.discard("a");
      await world.succeed("c");
      await world.drain(dying("b1", "e"));
      await world.expect({ g: "DEAD:CHAIN_FAILED", b: "DEAD:CHAIN_FAILED", h: "CANCELLED:DEPENDENCY_FAILED" });
      await revive(world, "g");
      assert.equal((await world.dumped("g")).reviving, "DEAD");
      await world.upkeep(1);
      await world.expect({ a: "READY", b: "AWAITING_CHILDREN", b1: "READY", b2: "COMPLETED", c: "COMPLETED" });
      await world.expect({ h: "HELD:BARRIER", e: "HELD:BARRIER" });
      assert.deepEqual((await world.drain()).toSorted(), ["a", "b1", "e", "h"]);
      await world.expect({ g: "COMPLETED" });
    },
  },
  {
    name: "revival / what dies again before all are back stays dead (52)",
    async run(world) {
      await world.insert(tree(group("g"), child("a"), child("b"), child("c")));
      await world.drain(dying("a", "b", "c"));
      await revive(world, "g");
      await world.store.cascade({ max: 1 });
      await world.claim();
      await world.discard("a");
      await world.upkeep(1);
      await world.expect({ a: "DEAD:DISCARDED", b: "READY", c: "READY", g: "AWAITING_CHILDREN" });
      assert.deepEqual(await epochs(world, "a", "b", "c"), [1, 1, 1]);
      await world.drain();
      await world.expect({ g: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "revival / of a dead child whose sibling died as well leaves that one dead (52)",
    async run(world) {
      await declare(world, "p", child("a"), child("b"), heir("s"));
      await world.drain(dying("a", "b"));
      await revive(world, "a");
      await world.drain();
      await world.expect({
        a: "COMPLETED",
        b: "DEAD:DISCARDED",
        s: "CANCELLED:DEPENDENCY_FAILED",
        p: "DEAD:CHAIN_FAILED",
      });
      await revive(world, "b");
      await world.drain();
      await world.expect({ b: "COMPLETED", s: "COMPLETED", p: "COMPLETED" });
    },
  },
  {
    name: "revival / an heir that has another trigger by now is judged by it (46, 52)",
    async run(world) {
      await declare(world, "p", child("c"), heir("f", { trigger: "ANY_FAILED" }), heir("e", { trigger: "SETTLED" }));
      await world.drain(dying("c", "f", "e"));
      await revive(world, "c");
      await world.drain();
      await world.expect({ c: "COMPLETED", f: "DEAD:DISCARDED", e: "DEAD:DISCARDED", p: "DEAD:CHAIN_FAILED" });
      await revive(world, "e");
      await world.drain();
      await world.expect({ e: "COMPLETED", p: "DEAD:CHAIN_FAILED" });
      await revive(world, "f");
      await world.expect({ f: "CANCELLED:TRIGGER_NOT_MET", p: "COMPLETED" });
    },
  },
  {
    name: "revival / results of a revived chain are those of its newest runs (52, 53)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h", { asResult: true }));
      await world.drain(dying("c"));
      await revive(world, "c");
      await world.drain((id) => success([], `${id} again`));
      assert.equal(new TextDecoder().decode((await world.get("p")).result?.bytes), "h again");
      assert.equal(new TextDecoder().decode((await world.get("c")).result?.bytes), "c again");
    },
  },
  {
    name: "revival / a second one under the same parent waits for the first (52)",
    async run(world) {
      await declare(world, "p", child("a"), child("b"), heir("s"));
      await world.drain(dying("a", "b"));
      await revive(world, "a");
      assert.deepEqual(await refusal(world, "b"), ["BUSY", "p"]);
      await world.upkeep();
      await revive(world, "b");
      await world.drain();
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "revival / a crash between any two steps loses nothing (56, 52)",
    needs: ["crash"],
    async run(world) {
      await world.insert(tree(job("p"), ...many("c", 4).map((id) => child(id)), heir("h")));
      await world.drain(dying("p"));
      await revive(world, "p");
      for (let step = 0; step < 5; step += 1) {
        await world.crash();
        assert.equal((await world.store.cascade({ max: 1 })).count, 1);
      }
      await world.crash();
      assert.deepEqual((await world.drain()).length, 6);
      await world.expect({ p: "COMPLETED" });
    },
  },
  brokers("what a revival brings back comes back once (52)", async (world, stores) => {
    const ids = many("c", 60);
    await world.insert(tree(job("p"), ...ids.map((id) => child(id)), heir("h")));
    await world.claim();
    await world.discard("p");
    await world.upkeep();
    await revive(world, "p");
    const told = await upkeepOf(stores, (store) => store.cascade({ max: 7 }));
    assert.equal(told.count, 61);
    assert.deepEqual(await epochs(world, ...ids), Array(60).fill(1));
    assert.equal((await world.drain()).length, 62);
    await world.expect({ p: "COMPLETED" });
  }),
];
