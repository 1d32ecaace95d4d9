import assert from "node:assert/strict";
import { isConveyorError } from "../../../src/core/errors.ts";
import { child, discard, heir, job, success, textOf, tree } from "../jobs.ts";
import type { Case } from "./case.ts";

export const durabilityCases: readonly Case[] = [
  {
    name: "crash / an acknowledged insert, claim and outcome are there afterwards (56)",
    needs: ["crash"],
    async run(world) {
      await world.insert(job("a", { requestId: "r" }), tree(job("p"), child("c"), heir("h")));
      await world.crash();
      await world.expect({ a: "READY", p: "READY", c: "HELD:PARENT", h: "HELD:BARRIER" });
      assert.deepEqual(await world.claimIds(), ["a", "p"]);
      await world.crash();
      await world.expect({ a: "RUNNING", p: "RUNNING" });
      await world.succeed("a", [], "fine");
      await world.succeed("p", [child("d")]);
      await world.crash();
      await world.expect({ a: "COMPLETED", p: "AWAITING_CHILDREN", c: "READY", d: "READY" });
      assert.equal(textOf((await world.get("a")).result), "fine");
      const again = await world.insertTogether(job("b", { requestId: "r", payload: "a" }));
      assert.deepEqual(again, { kind: "inserted", roots: [{ id: "a", deduplicated: true }] });
      await world.drain();
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "crash / a repeat of an outcome is still known afterwards (24)",
    needs: ["crash"],
    async run(world) {
      await world.insert(job("a"), job("b"));
      await world.claim();
      const items = [world.item("a", success([child("c")], "fine")), world.item("b", discard())];
      await world.settle(...items);
      await world.crash();
      assert.deepEqual(
        (await world.settle(...items)).map((each) => each.kind),
        ["repeated", "repeated"],
      );
      assert.deepEqual(await world.claimIds(), ["c"]);
    },
  },
  {
    name: "close / later calls throw CLOSED, what was stored stays (56)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      const item = world.item("a", success());
      const { store } = world;
      await store.close();
      const closed = (thrown: unknown) => isConveyorError(thrown) && thrown.code === "CLOSED";
      await assert.rejects(store.commit({ renew: [], settle: [item], insert: [], claim: [] }), closed);
      await assert.rejects(store.getJob(job("a").id), closed);
      await assert.rejects(store.promote({ max: 1 }), closed);
      await assert.rejects(store.dump(), closed);
      await store.close();
    },
    breaksInvariants: "the store is closed: there is nothing left to dump",
  },
  {
    name: "clock / a clock that goes back does not take time back (7)",
    async run(world) {
      await world.insert(job("a"), job("later", { delayMs: 100 }));
      world.advance(100);
      await world.promote();
      await world.expect({ later: "READY" });
      world.advance(-50);
      await world.insert(job("b", { at: world.now + 50 }), job("c"));
      await world.expect({ b: "READY" });
      assert.deepEqual(await world.claimIds(), world.inOrder(["a", "later", "b", "c"]));
      assert.equal((await world.get("c")).createdAt, world.now + 50);
      assert.equal((await world.get("c")).attempts[0]?.claimedAt, world.now + 50);
    },
  },
  {
    name: "clock / nor does a restart with a clock behind (7)",
    needs: ["crash"],
    async run(world) {
      const session = await world.openSession();
      await world.insert(job("a"));
      world.advance(10_000);
      await world.claim({ session });
      world.advance(-9_000);
      await world.crash();
      await world.insert(job("b"));
      assert.equal((await world.get("b")).createdAt, world.now + 9_000);
    },
  },
];
