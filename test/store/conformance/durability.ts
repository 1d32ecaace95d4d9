import assert from "node:assert/strict";
import { isConveyorError } from "../../../src/core/errors.ts";
import { comparable } from "../comparable.ts";
import { child, discard, group, heir, job, success, textOf, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import type { World } from "./world.ts";

/** Cuts the power within `write` at every place there is: what is left is the state before or after it, both seen. */
async function allOrNothing(world: World, write: () => Promise<unknown>): Promise<void> {
  const before = comparable(await world.store.dump());
  const mark = world.hook("mark")();
  await write();
  const after = comparable(await world.store.dump());
  let cuts = 0;
  const seen = { before: 0, after: 0 };
  for await (const left of world.hook("cuts")(mark)) {
    cuts += 1;
    const found = comparable(await left.store.dump());
    await left.discard();
    if (found === before) seen.before += 1;
    else {
      assert.equal(found, after, `cut ${cuts} left neither the state before nor the state after`);
      seen.after += 1;
    }
  }
  assert.ok(seen.before > 0 && seen.after > 0, `${cuts} cuts: ${JSON.stringify(seen)}`);
}

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
    name: "crash / within the settle that declares children and heirs: all or nothing (56)",
    needs: ["cuts", "mark"],
    async run(world) {
      await world.insert(job("p"), job("q"));
      await world.claim();
      await allOrNothing(world, () =>
        world.settle(
          world.item("p", success([child("a"), child("b", { delayMs: 5 }), heir("h", { asResult: true })], "result")),
          world.item("q", discard()),
        ),
      );
    },
  },
  {
    name: "crash / within the settle of the last child, which releases and skips heirs: all or nothing (44, 56)",
    needs: ["cuts", "mark"],
    async run(world) {
      await declare(world, "p", child("a"), child("b"), heir("h"), heir("f", { trigger: "ANY_FAILED" }));
      await world.claim();
      await allOrNothing(world, () => world.settle(world.item("a", success()), world.item("b", success())));
    },
  },
  {
    name: "jpoz: a crash between taking an heir off its barrier and queueing it leaves it in one place (56)",
    needs: ["cuts", "mark"],
    async run(world) {
      await declare(world, "p", child("a"), heir("h"));
      await world.claim();
      const mark = world.hook("mark")();
      await world.succeed("a");
      for await (const left of world.hook("cuts")(mark)) {
        const dump = await left.store.dump();
        await left.discard();
        const of = (id: string) => dump.jobs.find((each) => each.id === id)?.state;
        assert.ok(
          (of("a") === "RUNNING" && of("h") === "HELD") || (of("a") === "COMPLETED" && of("h") === "READY"),
          `${of("a")} ${of("h")}`,
        );
      }
    },
  },
  {
    name: "crash / within an insert of many trees, a claim and a goodbye: all or nothing (2, 10, 56)",
    needs: ["cuts", "mark"],
    async run(world) {
      await allOrNothing(world, () =>
        world.insertTogether(job("a"), tree(group("g"), child("c"), heir("h")), job("b", { delayMs: 9 })),
      );
      const session = await world.openSession();
      await allOrNothing(world, () => world.claim({ session }));
      await allOrNothing(world, () => world.store.closeSession(session));
    },
  },
  {
    name: "crash / within propagate, cascade, promote and reap: all or nothing (56)",
    needs: ["cuts", "mark"],
    async run(world) {
      await declare(world, "root", child("mid", { policy: "FAIL_FAST" }), child("x"), child("y"), heir("h"));
      await world.claim({ jobsMax: 1 });
      await world.succeed("mid", [child("leaf")]);
      await world.claim();
      await world.release("x");
      await world.discard("leaf");
      await allOrNothing(world, () => world.store.propagate({ max: 10 }));
      await allOrNothing(world, () => world.store.cascade({ max: 10 }));
      await world.fail("y");
      await world.insert(job("later", { delayMs: 10 }), tree(group("g", { delayMs: 10 }), child("c"), heir("i")));
      world.advance(10);
      await allOrNothing(world, () => world.store.promote({ max: 10 }));
      await world.claim({ session: await world.openSession() });
      world.advance(1_000_000);
      await allOrNothing(world, () => world.store.reap({ max: 10, bufferedMsMax: 1_000, jitter: 0 }));
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
      assert.deepEqual(await world.claimIds(), ["a", "later", "b", "c"]);
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
