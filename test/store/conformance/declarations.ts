import assert from "node:assert/strict";
import type { SettleAnswer } from "../../../src/store/commit.ts";
import { child, heir, job, success, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { only } from "./world.ts";

const children = (count: number, prefix = "c") =>
  Array.from({ length: count }, (_, index) => child(`${prefix}${index}`));

export const declarationCases: readonly Case[] = [
  {
    name: "chain / children are counted and claimable with the parent's success (42)",
    async run(world) {
      await world.insert(job("p"));
      await world.claim();
      const answer = await world.succeed("p", [child("a"), child("b", { queue: "mail" }), heir("h")]);
      await world.expect({ p: "AWAITING_CHILDREN", a: "READY", b: "READY", h: "HELD:BARRIER" });
      const parent = await world.get("p");
      assert.deepEqual([parent.pendingChildren, parent.pendingHeirs], [2, 1]);
      assert.deepEqual([parent.ranAt, parent.finishedAt], [world.now, undefined]);
      assert.deepEqual(answer.effects.readied.map((lane) => lane.queue).sort(), ["default", "mail"]);
      assert.deepEqual(answer.effects.ended, [{ id: "p", state: "AWAITING_CHILDREN" }]);
      assert.deepEqual(await world.claimIds(), ["a", "b"]);
    },
  },
  {
    name: "chain / 2,000 children and heirs appear in one step (42)",
    async run(world) {
      await declare(world, "p", ...children(1_996), ...["h1", "h2", "h3", "h4"].map((id) => heir(id)));
      assert.deepEqual([(await world.get("p")).pendingChildren, (await world.get("p")).pendingHeirs], [1_996, 4]);
      const leases = await world.claim();
      assert.deepEqual(
        leases.map((lease) => lease.jobId),
        children(1_996).map((each) => each.job.id),
      );
      await world.settle(...leases.map((lease) => world.item(lease, success())));
      assert.deepEqual(await world.claimIds(), ["h1", "h2", "h3", "h4"]);
    },
  },
  {
    name: "chain / 2,001 declared nodes are a failed attempt, nothing of them is kept (42)",
    async run(world) {
      await world.insert(job("p"));
      await world.claim();
      const answer = only(await world.settle(world.item("p", success(children(2_001)))));
      assert.deepEqual(answer, {
        kind: "accepted",
        jobId: "p",
        recorded: "FAILED",
        state: "RETRYING",
        problem: "TOO_MANY_CHILDREN",
      });
      assert.equal((await world.store.dump()).jobs.length, 1);
    },
  },
  {
    name: "chain / a failed attempt drops what it declared, its retry declares once (54)",
    async run(world) {
      await world.insert(tree(job("p"), child("static")));
      await world.claim();
      // A failure carries no nodes: what was declared stays in the worker. A success refused by a limit drops them too.
      const refused = only(await world.settle(world.item("p", success(children(2_001)))));
      assert.equal(refused.kind === "accepted" && refused.recorded, "FAILED");
      await world.expect({ p: "RETRYING", static: "HELD:PARENT" });
      assert.equal((await world.store.dump()).jobs.length, 2);
      world.advance(1_000);
      await world.promote();
      await world.claim();
      await world.succeed("p", children(2));
      assert.deepEqual(await world.claimIds(), world.inOrder(["static", "c0", "c1"]));
      assert.equal((await world.get("p")).pendingChildren, 3);
    },
  },
  {
    name: "chain / depth 64 settles level by level, the next level is refused (58)",
    async run(world) {
      await world.insert(job("n0"));
      for (let level = 0; level < 64; level += 1) {
        await world.claim();
        await world.succeed(`n${level}`, [child(`n${level + 1}`)]);
      }
      assert.equal((await world.get("n64")).depth, 64);
      await world.claim();
      const answer = only(await world.settle(world.item("n64", success([child("n65")]))));
      assert.deepEqual(problem(answer), ["FAILED", "CHAIN_TOO_DEEP"]);
      world.advance(1_000);
      await world.promote();
      await world.claim();
      await world.succeed("n64");
      await world.upkeep(1);
      for (const level of [0, 1, 32, 63, 64]) await world.expect({ [`n${level}`]: "COMPLETED" });
    },
  },
  {
    name: "chain / depth counts heirs as well as children (58)",
    async run(world) {
      await world.insert(job("n0"));
      for (let level = 0; level < 64; level += 1) {
        await world.claim();
        await world.succeed(`n${level}`, [level % 2 === 0 ? heir(`n${level + 1}`) : child(`n${level + 1}`)]);
      }
      await world.claim();
      const answer = only(await world.settle(world.item("n64", success([heir("n65")]))));
      assert.deepEqual(problem(answer), ["FAILED", "CHAIN_TOO_DEEP"]);
    },
  },
  {
    name: "chain / a static tree at full depth settles (58)",
    async run(world) {
      let branch = child("n64");
      for (let level = 63; level > 0; level -= 1) branch = child(`n${level}`, {}, branch, heir(`h${level}`));
      await world.insert(tree(job("n0"), branch));
      await world.drain();
      await world.upkeep();
      await world.expect({ n0: "COMPLETED", n64: "COMPLETED", h1: "COMPLETED", h63: "COMPLETED" });
    },
  },
  {
    name: "chain / sixteen heirs at most, static and declared together (42)",
    async run(world) {
      const heirs = (count: number, prefix: string) =>
        Array.from({ length: count }, (_, index) => heir(`${prefix}${index}`));
      await world.insert(tree(job("p"), ...heirs(10, "s")), job("q"));
      await world.claim();
      const answers = await world.settle(
        world.item("p", success(heirs(7, "d"))),
        world.item("q", success(heirs(17, "q"))),
      );
      assert.deepEqual(answers.map(problem), Array(2).fill(["FAILED", "TOO_MANY_HEIRS"]));
      world.advance(1_000);
      await world.promote();
      await world.claim();
      await world.succeed("p", heirs(6, "d"));
      assert.equal((await world.get("p")).pendingHeirs, 16);
    },
  },
  {
    name: "chain / a key names one node below its parent, among static ones too (42)",
    async run(world) {
      await world.insert(tree(job("p"), child("s", { key: "k" })), job("q"), job("r"));
      await world.claim();
      const answers = await world.settle(
        world.item("p", success([heir("d", { key: "k" })])),
        world.item("q", success([child("q1", { key: "x" }), child("q2", { key: "x" })])),
        world.item("r", success([child("r1", { key: "k" }), child("r2"), child("r3")])),
      );
      assert.deepEqual(answers.map(problem), [
        ["FAILED", "DUPLICATE_KEY"],
        ["FAILED", "DUPLICATE_KEY"],
        ["SUCCEEDED", undefined],
      ]);
      assert.equal(only((await world.get("p")).attempts).error?.name, "DUPLICATE_KEY");
      assert.equal((await world.get("r1")).key, "k");
    },
  },
  {
    name: "inherit / declared jobs take priority and metadata of their parent unless they have their own (42)",
    async run(world) {
      await world.insert(job("p", { priority: 5, metadata: { trace: "t1" } }));
      await world.claim();
      await world.succeed("p", [
        child("c"),
        child("own", { priority: -2, metadata: { other: "o" } }),
        heir("h", { metadata: {} }),
      ]);
      await world.claim({ jobsMax: 1 });
      await world.succeed("c", [child("cc")]);
      const found = await Promise.all(["c", "own", "h", "cc"].map((id) => world.get(id)));
      assert.deepEqual(
        found.map((each) => [each.priority, each.metadata]),
        [
          [5, { trace: "t1" }],
          [-2, { other: "o" }],
          [5, {}],
          [5, { trace: "t1" }],
        ],
      );
      assert.deepEqual(await world.claimIds(), ["cc", "own"]);
    },
  },
];

function problem(answer: SettleAnswer): readonly unknown[] {
  return answer.kind === "accepted" ? [answer.recorded, answer.problem] : [answer.kind];
}
