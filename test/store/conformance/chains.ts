import assert from "node:assert/strict";
import type { SettleAnswer } from "../../../src/store/store.ts";
import { type Branch, child, discard, heir, job, success, textOf, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { only, ttlMs, type World } from "./world.ts";

/** Inserts a root, runs it, and has its success declare `nodes`. */
export async function declare(world: World, root: string, ...nodes: readonly Branch[]): Promise<void> {
  await world.insert(job(root));
  await world.claim();
  await world.succeed(root, nodes);
}

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

export const chainCases: readonly Case[] = [
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
  {
    name: "chain / results of all children reach the heir in declaration order (53)",
    async run(world) {
      await declare(world, "p", ...children(25), heir("h"));
      const leases = [...(await world.claim())].reverse();
      for (const lease of leases) await world.end(lease.jobId, success([], `result of ${lease.jobId}`));
      await world.claim();
      const page = async (cursor?: string) =>
        world.store.listChildResults(
          world.lease("h").leaseId,
          { completedOnly: true, bytesMax: 1_000_000 },
          { size: 10, cursor },
        );
      const found: string[] = [];
      let cursor: string | undefined;
      do {
        const answer = await page(cursor);
        assert.ok(answer && answer.items.length <= 10);
        found.push(...answer.items.map((each) => `${each.jobId} ${textOf(each.result)}`));
        cursor = answer.cursor;
      } while (cursor !== undefined);
      assert.deepEqual(
        found,
        children(25).map(({ job: { id } }) => `${id} result of ${id}`),
      );
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
      assert.deepEqual(await world.claimIds(), ["static", "c0", "c1"]);
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
    name: "chain / one heir at most gives the result, among static ones too (53)",
    async run(world) {
      await world.insert(tree(job("p"), heir("s", { asResult: true })), job("q"));
      await world.claim();
      const answers = await world.settle(
        world.item("p", success([heir("d", { asResult: true })])),
        world.item("q", success([heir("q1", { asResult: true }), heir("q2")])),
      );
      assert.deepEqual(answers.map(problem), [
        ["FAILED", "TREE_INVALID"],
        ["SUCCEEDED", undefined],
      ]);
    },
  },
  {
    name: "result / an heir's result becomes its parent's through many levels (53)",
    async run(world) {
      const levels = 8;
      await world.insert(job("n0"));
      for (let level = 0; level < levels; level += 1) {
        await world.claim();
        await world.succeed(
          `n${level}`,
          [child(`c${level}`), heir(`n${level + 1}`, { asResult: true })],
          `own ${level}`,
        );
        assert.equal(textOf((await world.get(`n${level}`)).result), `own ${level}`);
        await world.claim();
        await world.succeed(`c${level}`);
      }
      await world.claim();
      await world.succeed(`n${levels}`, [], "the end");
      await world.upkeep();
      for (let level = 0; level <= levels; level += 1) {
        const found = await world.get(`n${level}`);
        assert.deepEqual(
          [found.state, textOf(found.result), found.result?.type],
          ["COMPLETED", "the end", "test.v1.Result"],
        );
      }
    },
  },
  {
    name: "result / an inherited result reaches the outer heir (53)",
    async run(world) {
      await declare(world, "root", child("mid"), heir("outer", { asResult: true }));
      await world.claim();
      await world.succeed("mid", [child("leaf"), heir("inner", { asResult: true })], "own");
      await world.claim();
      await world.succeed("leaf");
      await world.claim();
      await world.succeed("inner", [], "merged");
      await world.upkeep();
      await world.claim();
      const page = await world.store.listChildResults(
        world.lease("outer").leaseId,
        { completedOnly: false, bytesMax: 1_000 },
        { size: 10 },
      );
      assert.deepEqual(
        page?.items.map((each) => [each.jobId, each.state, textOf(each.result)]),
        [["mid", "COMPLETED", "merged"]],
      );
    },
  },
  {
    name: "result / without a completed result heir the job's own result stays (53)",
    async run(world) {
      await declare(world, "skipped", child("s1"), heir("s2", { asResult: true, trigger: "ANY_FAILED" }));
      await world.drain(() => success([], "child"));
      await world.insert(job("dead"));
      await world.claim();
      await world.succeed("dead", [heir("d1", { asResult: true })], "own");
      await world.claim();
      await world.discard("d1");
      await world.insert(job("ignored"));
      await world.claim();
      await world.succeed("ignored", [heir("i1", { asResult: true, policy: "IGNORE" })], "own");
      await world.claim();
      await world.discard("i1");
      await world.expect({ skipped: "COMPLETED", dead: "DEAD:CHAIN_FAILED", ignored: "COMPLETED" });
      assert.equal((await world.get("skipped")).result, undefined);
      assert.equal(textOf((await world.get("dead")).result), "own");
      assert.equal(textOf((await world.get("ignored")).result), "own");
    },
  },
  {
    name: "result / the result of a completed result heir replaces the own one even when the chain has another heir (53)",
    async run(world) {
      await world.insert(job("p"));
      await world.claim();
      await world.succeed("p", [heir("h", { asResult: true }), heir("i")], "own");
      await world.claim();
      await world.succeed("h", [], "heir");
      assert.equal(textOf((await world.get("p")).result), "own");
      await world.succeed("i", [], "other");
      await world.expect({ p: "COMPLETED" });
      assert.equal(textOf((await world.get("p")).result), "heir");
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
];

function problem(answer: SettleAnswer): readonly unknown[] {
  return answer.kind === "accepted" ? [answer.recorded, answer.problem] : [answer.kind];
}
