import assert from "node:assert/strict";
import { child, discard, heir, job, success } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { ttlMs } from "./world.ts";

export const nestingCases: readonly Case[] = [
  {
    name: "chain / jpoz: a retried child still settles its parent (45)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h"));
      await world.claim();
      await world.fail("c");
      await world.expect({ c: "RETRYING", h: "HELD:BARRIER", p: "AWAITING_CHILDREN" });
      assert.equal((await world.get("p")).pendingChildren, 1);
      world.advance(1_000);
      await world.promote();
      await world.claim();
      await world.succeed("c");
      await world.expect({ c: "COMPLETED", h: "READY" });
      await world.claim();
      await world.succeed("h");
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "chain / jpoz: a retried heir still runs and settles its parent (46)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h"));
      await world.claim();
      await world.succeed("c");
      await world.claim();
      await world.fail("h");
      await world.expect({ h: "RETRYING", p: "AWAITING_CHILDREN" });
      world.advance(1_000);
      await world.promote();
      assert.deepEqual(await world.claimIds(), ["h"]);
      await world.succeed("h");
      await world.expect({ h: "COMPLETED", p: "COMPLETED" });
    },
  },
  {
    name: "chain / jpoz: a crashed child and a crashed heir run again and settle their parent (45, 46)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h"));
      for (const id of ["c", "h"]) {
        assert.deepEqual(await world.claimIds({ session: await world.openSession() }), [id]);
        world.advance(ttlMs);
        await world.reap();
        world.advance(1_000);
        await world.promote();
        assert.deepEqual(await world.claimIds(), [id]);
        await world.succeed(id);
      }
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "chain / a dead child fails the chain up to its root (47)",
    async run(world) {
      await declare(world, "root", child("mid"), heir("top"));
      await world.claim();
      await world.succeed("mid", [child("leaf"), heir("inner")]);
      await world.claim();
      const answer = await world.discard("leaf");
      await world.expect({ leaf: "DEAD:DISCARDED", inner: "CANCELLED:DEPENDENCY_FAILED", mid: "DEAD:CHAIN_FAILED" });
      assert.equal(answer.effects.propagateDue, true);
      await world.expect({ root: "AWAITING_CHILDREN", top: "HELD:BARRIER" });
      await world.upkeep();
      await world.expect({ top: "CANCELLED:DEPENDENCY_FAILED", root: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "jpoz: a dead child leaves no ancestor hanging, over many levels (47)",
    async run(world) {
      const levels = 12;
      await world.insert(job("n0"));
      for (let level = 0; level < levels; level += 1) {
        await world.claim();
        await world.succeed(`n${level}`, [child(`n${level + 1}`), heir(`h${level}`)]);
      }
      await world.claim();
      await world.discard(`n${levels}`);
      await world.upkeep(1);
      for (let level = 0; level < levels; level += 1) {
        await world.expect({ [`n${level}`]: "DEAD:CHAIN_FAILED", [`h${level}`]: "CANCELLED:DEPENDENCY_FAILED" });
      }
    },
  },
  {
    name: "chain / an outer heir waits for the inner heirs (50)",
    async run(world) {
      await declare(world, "root", child("mid"), heir("outer"));
      await world.claim();
      await world.succeed("mid", [child("leaf"), heir("inner")]);
      await world.claim();
      await world.succeed("leaf");
      await world.upkeep();
      await world.expect({ mid: "AWAITING_CHILDREN", inner: "READY", outer: "HELD:BARRIER" });
      await world.claim();
      await world.succeed("inner");
      await world.expect({ mid: "COMPLETED", outer: "HELD:BARRIER" });
      await world.upkeep();
      await world.expect({ outer: "READY", root: "AWAITING_CHILDREN" });
      await world.claim();
      await world.succeed("outer", [child("deep"), heir("deeper")]);
      await world.drain();
      await world.upkeep();
      await world.expect({ outer: "COMPLETED", root: "COMPLETED" });
    },
  },
  {
    name: "chain / an inner heir's death goes up as CHAIN_FAILED (50)",
    async run(world) {
      await declare(world, "root", child("mid"), heir("outer", { trigger: "ANY_FAILED" }));
      await world.claim();
      await world.succeed("mid", [child("leaf"), heir("inner")]);
      await world.drain((id) => (id === "inner" ? discard() : success()));
      await world.expect({ inner: "DEAD:DISCARDED", mid: "DEAD:CHAIN_FAILED", outer: "COMPLETED" });
      await world.expect({ root: "DEAD:CHAIN_FAILED" });
    },
  },
  {
    name: "chain / one level per step: a grandparent waits for propagate (50)",
    async run(world) {
      await declare(world, "root", child("mid"));
      await world.claim();
      await world.succeed("mid", [child("leaf")]);
      await world.claim();
      const settled = await world.succeed("leaf");
      assert.equal(settled.effects.propagateDue, true);
      await world.expect({ mid: "COMPLETED", root: "AWAITING_CHILDREN" });
      assert.deepEqual(
        [(await world.dumped("mid")).propagateDue, (await world.dumped("mid")).edgeFlipped],
        [true, false],
      );
      const step = await world.store.propagate({ max: 10 });
      assert.deepEqual([step.count, step.more, step.effects.propagateDue], [1, false, false]);
      assert.deepEqual(
        [(await world.dumped("mid")).propagateDue, (await world.dumped("mid")).edgeFlipped],
        [false, true],
      );
      await world.expect({ root: "COMPLETED" });
      assert.deepEqual(step.effects.ended, [{ id: "root", state: "COMPLETED" }]);
      assert.equal((await world.store.propagate({ max: 10 })).count, 0);
    },
  },
];
