import assert from "node:assert/strict";
import { cancel, child, failure, heir, job, jobId, release, snooze, success, tree } from "../jobs.ts";
import { stage } from "./ask.ts";
import type { Case } from "./case.ts";
import { list } from "./list-all.ts";
import { children, staged, stagedThree } from "./staged-three.ts";
import { only, ttlMs } from "./world.ts";

export const stagingCases: readonly Case[] = [
  {
    name: "stage / staged children are seen by nobody until the success, then counted at once and claimable in steps (42, 57)",
    async run(world) {
      await stagedThree(world);
      const before = await world.dumped("p");
      assert.deepEqual([before.staged, before.pendingChildren], [3, 0]);
      assert.deepEqual(await list(world, {}), ["p"]);
      assert.equal(await world.store.getJob(jobId("a")), undefined);
      assert.deepEqual(await world.claimIds(), []);
      const answer = await world.end("p", staged(3, [heir("h")]));
      assert.deepEqual([answer.effects.expandDue, answer.effects.readied], [true, []]);
      const after = await world.dumped("p");
      assert.deepEqual([after.state, after.pendingChildren, after.pendingHeirs], ["AWAITING_CHILDREN", 3, 1]);
      assert.deepEqual(await list(world, {}), ["h", "p"]);
      const step = await world.store.expand({ max: 2 });
      assert.deepEqual([step.count, step.more, step.effects.readied.length], [2, true, 1]);
      assert.deepEqual(await world.claimIds(), ["a", "b"]);
      assert.deepEqual([(await world.dumped("p")).staged, (await world.get("p")).pendingChildren], [1, 3]);
      const last = await world.store.expand({ max: 2 });
      assert.deepEqual([last.count, last.more], [1, false]);
      assert.equal((await world.store.expand({ max: 2 })).count, 0);
      assert.deepEqual(await list(world, { parentId: jobId("p") }), ["h", "a", "b", "c"]);
      await world.succeed("a");
      await world.succeed("b");
      assert.deepEqual(await world.drain(), ["c", "h"]);
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "stage / the heir is not released while staged children are still being put in (48)",
    async run(world) {
      await stagedThree(world);
      await world.end("p", staged(3, [heir("h")]));
      await world.store.expand({ max: 2 });
      for (const lease of await world.claim()) await world.succeed(lease.jobId);
      await world.expect({ a: "COMPLETED", b: "COMPLETED", h: "HELD:BARRIER", p: "AWAITING_CHILDREN" });
      await world.store.expand({ max: 2 });
      await world.expect({ c: "READY", h: "HELD:BARRIER" });
    },
  },
  {
    name: "stage / a frame that comes again changes nothing, a gap is told, a lease that is not live is lost (24, 16)",
    async run(world) {
      await world.insert(job("p"), job("free"));
      await world.claim({ jobsMax: 1 });
      assert.deepEqual(await stage(world, "p", 2, children("x")), { kind: "gap", expected: 1 });
      assert.deepEqual(await stage(world, "p", 1, children("a")), { kind: "staged", total: 1 });
      assert.deepEqual(await stage(world, "p", 1, children("other", "nodes")), { kind: "staged", total: 1 });
      assert.deepEqual(await stage(world, "p", 3, children("x")), { kind: "gap", expected: 2 });
      assert.deepEqual(await stage(world, "p", 2, children("b")), { kind: "staged", total: 2 });
      await world.end("p", staged(2));
      assert.deepEqual(await stage(world, "p", 3, children("x")), { kind: "lost" });
      const forged = await world.store.stage([{ leaseId: "nobody-0" as never, seq: 1, nodes: [] }]); // no store made it
      assert.deepEqual(forged, [{ kind: "lost" }]);
      await world.upkeep();
      assert.deepEqual((await list(world, { parentId: jobId("p") })).toSorted(), ["a", "b"]);
    },
  },
  {
    name: "stage / a success that names another number is recorded as a failure, and what was staged is dropped (42, 54)",
    async run(world) {
      for (const [id, count] of [
        ["few", 2],
        ["none", 0],
        ["many", 4],
      ] as const) {
        await world.insert(job(id));
        await world.claim();
        await stage(world, id, 1, children(`${id}-a`, `${id}-b`, `${id}-c`));
        const [answer] = await world.settle(world.item(id, staged(count)));
        assert.equal(answer?.kind, "accepted");
        const told = answer?.kind === "accepted" ? [answer.recorded, answer.state, answer.problem] : [];
        assert.deepEqual(told, ["FAILED", "RETRYING", "STAGE_INCOMPLETE"], id);
        assert.equal((await world.get(id)).attempts[0]?.error?.name, "STAGE_INCOMPLETE");
        assert.equal((await world.dumped(id)).staged, 0);
      }
      assert.equal((await world.store.expand({ max: 100 })).count, 0);
    },
  },
  ...(
    [
      ["failure", failure()],
      ["snooze", snooze(10)],
      ["release", release],
      ["cancel", cancel],
    ] as const
  ).map(
    ([name, outcome]): Case => ({
      name: `stage / a ${name} drops what was staged (54)`,
      async run(world) {
        await stagedThree(world);
        await world.end("p", outcome);
        const found = await world.dumped("p");
        assert.deepEqual([found.staged, found.pendingChildren], [0, 0]);
        assert.deepEqual(await world.store.expand({ max: 10 }).then(({ count, more }) => [count, more]), [0, false]);
        assert.deepEqual(await list(world, {}), ["p"]);
      },
    }),
  ),
  {
    name: "stage / a lost worker's frames are dropped, and its job stages afresh from the first (54, 56)",
    async run(world) {
      const session = await world.openSession();
      await world.insert(job("p"));
      await world.claim({ session });
      await stage(world, "p", 1, children("a"));
      world.advance(ttlMs);
      await world.reap();
      world.advance(600_000);
      await world.promote();
      await world.claim();
      assert.deepEqual(await stage(world, "p", 2, children("b")), { kind: "gap", expected: 1 });
      assert.deepEqual(await stage(world, "p", 1, children("b")), { kind: "staged", total: 1 });
      await world.end("p", staged(1));
      assert.deepEqual(await world.drain(), ["b"]);
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "stage / a key that stands below the job already, staged or not, is refused with its whole frame (2)",
    async run(world) {
      await world.insert(tree(job("p"), child("static", { key: "k" })));
      await world.claim();
      const duplicate = { kind: "refused", problem: "DUPLICATE_KEY" };
      assert.deepEqual(await stage(world, "p", 1, [child("x"), child("y", { key: "k" })]), duplicate);
      assert.deepEqual(await stage(world, "p", 1, [child("a", { key: "l" })]), { kind: "staged", total: 1 });
      assert.deepEqual(await stage(world, "p", 2, [child("y", { key: "l" })]), duplicate);
      assert.deepEqual(await stage(world, "p", 2, [child("b", { key: "m" })]), { kind: "staged", total: 2 });
      const [answer] = await world.settle(world.item("p", staged(2, [heir("h", { key: "m" })])));
      assert.equal(answer?.kind === "accepted" && answer.problem, "DUPLICATE_KEY");
      await world.upkeep();
      assert.deepEqual((await list(world, {})).toSorted(), ["p", "static"]);
    },
  },
  {
    name: "stage / a chain cannot get deeper than 64 by staged children (58)",
    async run(world) {
      await world.insert(job("d0"));
      for (let depth = 0; depth < 64; depth += 1) {
        await world.claim();
        await world.succeed(`d${depth}`, [child(`d${depth + 1}`)]);
      }
      await world.claim();
      assert.deepEqual(await stage(world, "d64", 1, children("x")), { kind: "refused", problem: "CHAIN_TOO_DEEP" });
    },
  },
  {
    name: "stage / frames, and children that are not put in yet, outlive a crash (56, 57)",
    needs: ["crash"],
    async run(world) {
      await world.insert(job("p"));
      await world.claim();
      await stage(world, "p", 1, children("a", "b"));
      await world.crash();
      await stage(world, "p", 2, children("c"));
      await world.end("p", staged(3, [heir("h")]));
      await world.crash();
      await world.store.expand({ max: 1 });
      await world.crash();
      assert.deepEqual(await world.drain(), ["a", "b", "c", "h"]);
      await world.expect({ p: "COMPLETED" });
    },
  },
  {
    name: "stage / frames of several jobs in one call are answered each at its place (25)",
    async run(world) {
      await world.insert(job("p"), job("q"));
      await world.claim();
      const [p, q] = [world.lease("p").leaseId, world.lease("q").leaseId];
      const nodes = (id: string) => children(id).map(({ edge, job: each }) => ({ edge, job: each }));
      const answers = await world.store.stage([
        { leaseId: p, seq: 1, nodes: nodes("p1") },
        { leaseId: q, seq: 2, nodes: nodes("q2") },
        { leaseId: p, seq: 2, nodes: nodes("p2") },
      ]);
      assert.deepEqual(answers, [
        { kind: "staged", total: 1 },
        { kind: "gap", expected: 1 },
        { kind: "staged", total: 2 },
      ]);
      const { settled } = await world.commit({ settle: [world.item("p", staged(2)), world.item("q", success())] });
      assert.deepEqual(
        settled.map((each) => each.kind),
        ["accepted", "accepted"],
      );
      assert.equal(only(await world.store.getStatuses([jobId("q")]))?.state, "COMPLETED");
      await world.upkeep();
      await world.expect({ p1: "READY", p2: "READY" });
    },
  },
];
