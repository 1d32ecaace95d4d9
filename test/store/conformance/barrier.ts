import assert from "node:assert/strict";
import { child, heir, job, success, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import type { World } from "./world.ts";

const children = (count: number, prefix = "c") =>
  Array.from({ length: count }, (_, index) => child(`${prefix}${index}`));

/** The last two siblings end in one commit or in two, in either order. */
async function lastTwo(world: World, how: "one commit" | "two commits", order: "ab" | "ba", crash: boolean) {
  await declare(world, "p", child("a"), child("b"), child("z"), heir("h"), heir("i", { trigger: "SETTLED" }));
  await world.claim();
  await world.succeed("z");
  const items = (order === "ab" ? ["a", "b"] : ["b", "a"]).map((id) => world.item(id, success()));
  if (how === "one commit") await world.settle(...items);
  else {
    for (const [index, item] of items.entries()) {
      await world.settle(item);
      if (crash) await world.crash();
      if (index === 0) await world.expect({ h: "HELD:BARRIER", i: "HELD:BARRIER" });
    }
  }
  if (crash) await world.crash();
  await world.expect({ p: "AWAITING_CHILDREN", h: "READY", i: "READY" });
  await world.settle(...items);
  assert.deepEqual(await world.claimIds(), ["h", "i"]);
  await world.succeed("h");
  await world.succeed("i");
  await world.expect({ p: "COMPLETED" });
  assert.deepEqual([(await world.get("h")).attempt, (await world.get("i")).attempt], [1, 1]);
}

const ways = (["one commit", "two commits"] as const).flatMap((how) =>
  (["ab", "ba"] as const).flatMap((order) => [false, true].map((crash) => ({ how, order, crash }))),
);

export const barrierCases: readonly Case[] = [
  {
    name: "chain / zero children release the heir at once (43)",
    async run(world) {
      await declare(world, "p", heir("h"), heir("s", { trigger: "SETTLED" }), heir("f", { trigger: "ANY_FAILED" }));
      await world.expect({ h: "READY", s: "READY", f: "CANCELLED:TRIGGER_NOT_MET", p: "AWAITING_CHILDREN" });
      await world.drain();
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "chain / zero children and only an unwanted heir complete the parent in the same step (43)",
    async run(world) {
      await world.insert(job("p"));
      await world.claim();
      const answer = await world.succeed("p", [heir("f", { trigger: "ANY_FAILED" })]);
      await world.expect({ f: "CANCELLED:TRIGGER_NOT_MET", p: "COMPLETED" });
      assert.deepEqual(answer.effects.ended.map((each) => `${each.id} ${each.state}`).sort(), [
        "f CANCELLED",
        "p COMPLETED",
      ]);
    },
  },
  ...ways.map(
    ({ how, order, crash }): Case => ({
      name: `chain / the last two siblings release the heirs once, ${how}, order ${order}${crash ? ", with a crash between" : ""} (44)`,
      ...(crash && { needs: ["crash"] as const }),
      run: (world) => lastTwo(world, how, order, crash),
    }),
  ),
  {
    name: "chain / many siblings settling in concurrent commits release the heir once (44)",
    async run(world) {
      await declare(world, "p", ...children(60), heir("h"));
      const leases = await world.claim();
      await Promise.all(leases.map((lease) => world.settle(world.item(lease, success()))));
      assert.deepEqual(await world.claimIds(), ["h"]);
      assert.equal((await world.get("p")).pendingChildren, 0);
    },
  },
  {
    name: "heir / all heirs of one barrier run side by side (44)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h1"), heir("h2"), heir("h3", { trigger: "SETTLED" }));
      await world.claim();
      await world.succeed("c");
      assert.deepEqual(await world.claimIds(), ["h1", "h2", "h3"]);
      await world.succeed("h2");
      await world.succeed("h3");
      await world.expect({ p: "AWAITING_CHILDREN" });
      await world.succeed("h1");
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "chain / jpoz: an heir is not released while siblings are still to come (48)",
    async run(world) {
      await world.insert(tree(job("p"), child("c"), heir("h")));
      await world.claim();
      await world.expect({ c: "HELD:PARENT", h: "HELD:BARRIER" });
      await world.succeed("p", [child("d"), heir("i")]);
      await world.expect({ c: "READY", d: "READY", h: "HELD:BARRIER", i: "HELD:BARRIER" });
      await world.claim();
      await world.succeed("c");
      await world.expect({ h: "HELD:BARRIER", i: "HELD:BARRIER" });
      await world.succeed("d");
      await world.expect({ h: "READY", i: "READY" });
    },
  },
  {
    name: "chain / jpoz: an heir waits for a child that runs, retries, snoozes or was given back (48)",
    async run(world) {
      await declare(world, "p", child("done"), child("c"), heir("h", { trigger: "SETTLED" }));
      await world.claim();
      await world.succeed("done");
      await world.expect({ c: "RUNNING", h: "HELD:BARRIER" });
      await world.release("c");
      await world.expect({ c: "READY", h: "HELD:BARRIER" });
      await world.claim();
      await world.snooze("c", 1_000);
      await world.expect({ c: "SCHEDULED", h: "HELD:BARRIER" });
      world.advance(1_000);
      await world.promote();
      await world.claim();
      await world.fail("c");
      await world.expect({ c: "RETRYING", h: "HELD:BARRIER" });
      assert.equal((await world.get("p")).pendingChildren, 1);
    },
  },
  {
    name: "chain / jpoz: a delayed child holds the barrier (49)",
    async run(world) {
      await declare(world, "p", child("now"), child("later", { delayMs: 60_000 }), heir("h"));
      await world.expect({ later: "SCHEDULED" });
      await world.claim();
      await world.succeed("now");
      await world.expect({ h: "HELD:BARRIER", p: "AWAITING_CHILDREN" });
      world.advance(60_000);
      await world.promote();
      assert.deepEqual(await world.claimIds(), ["later"]);
      await world.succeed("later");
      await world.expect({ h: "READY" });
    },
  },
  {
    name: "chain / a delay counts from release, a run time stays (49)",
    async run(world) {
      const at = world.now + 50_000;
      await world.insert(
        tree(
          job("p"),
          child("c", { delayMs: 1_000 }),
          child("d", { at }),
          heir("h", { delayMs: 2_000 }),
          heir("i", { at: world.now + 20_000 }),
        ),
      );
      world.advance(10_000);
      await world.claim();
      await world.succeed("p");
      await world.expect({ c: "SCHEDULED", d: "SCHEDULED" });
      assert.deepEqual([(await world.get("c")).runAt, (await world.get("d")).runAt], [world.now + 1_000, at]);
      world.advance(40_000);
      await world.promote();
      await world.claim();
      await world.succeed("c");
      await world.succeed("d");
      await world.expect({ h: "SCHEDULED", i: "READY" });
      assert.equal((await world.get("h")).runAt, world.now + 2_000);
      assert.equal((await world.get("i")).runAt, world.now);
    },
  },
  {
    name: "barrier / a change of its counters raises the parent's version (44)",
    async run(world) {
      await declare(world, "p", child("a"), child("b"), heir("h"));
      await world.claim();
      const before = await world.get("p");
      world.advance(5);
      await world.succeed("a");
      const after = await world.get("p");
      assert.equal(after.pendingChildren, 1);
      assert.ok(after.version > before.version);
      assert.equal(after.updatedAt, world.now);
    },
  },
];
