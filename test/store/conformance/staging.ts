import assert from "node:assert/strict";
import { type Branch, cancel, child, failure, heir, job, jobId, release, snooze, success, tree } from "../jobs.ts";
import { cancelJob, revive, stage } from "./ask.ts";
import type { Case } from "./case.ts";
import { list } from "./list-all.ts";
import { brokers, many, unique, upkeepOf } from "./two-brokers.ts";
import { only, ttlMs, type World } from "./world.ts";

const staged = (count: number, nodes: readonly Branch[] = []) => ({ ...success(nodes), staged: count }) as const;
const children = (...ids: readonly string[]): readonly Branch[] => ids.map((id) => child(id));

/** p runs and has staged a, b and c. */
async function stagedThree(world: World, root = job("p")): Promise<void> {
  await world.insert(root);
  await world.claim();
  assert.deepEqual(await stage(world, root.id, 1, children("a", "b")), { kind: "staged", total: 2 });
  assert.deepEqual(await stage(world, root.id, 2, children("c")), { kind: "staged", total: 3 });
}

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
    name: "stage / many frames of many nodes come into the chain in steps, in their order (57, 53)",
    async run(world) {
      await world.insert(job("p"));
      await world.claim();
      const frames = [1, 2, 3].map((seq) => many(`f${seq}-`, 700));
      for (const [index, ids] of frames.entries()) {
        assert.deepEqual(await stage(world, "p", index + 1, children(...ids)), {
          kind: "staged",
          total: 700 * (index + 1),
        });
      }
      await world.end("p", staged(2_100, [heir("h")]));
      assert.equal((await world.get("p")).pendingChildren, 2_100);
      const steps: number[] = [];
      for (let more = true; more; ) {
        const step = await world.store.expand({ max: 500 });
        steps.push(step.count);
        more = step.more;
      }
      assert.deepEqual(steps, [500, 500, 500, 500, 100]);
      assert.deepEqual(await list(world, { parentId: jobId("p") }, 1_000), ["h", ...frames.flat()]);
      const leases = await world.claim();
      assert.deepEqual(world.inOrder(leases.map((each) => each.jobId)), world.inOrder(frames.flat()));
      for (let from = 0; from < leases.length; from += 300) {
        await world.settle(...leases.slice(from, from + 300).map((each) => world.item(each, success())));
      }
      await world.expect({ h: "READY" });
    },
  },
  {
    name: "stage / delays count from when a child is put in, options are inherited (49)",
    async run(world) {
      await world.insert(job("p", { priority: 4, metadata: { trace: "t" } }));
      await world.claim();
      await stage(world, "p", 1, [child("now"), child("later", { delayMs: 100 })]);
      world.advance(50);
      await world.end("p", staged(2));
      world.advance(50);
      await world.upkeep();
      await world.expect({ now: "READY", later: "SCHEDULED" });
      const [now, later] = [await world.get("now"), await world.get("later")];
      assert.deepEqual([now.priority, now.metadata, now.depth, now.rootId], [4, { trace: "t" }, 1, "p"]);
      assert.equal(later.runAt, world.now + 100);
    },
  },
  {
    name: "stage / what a cancel overtakes comes held, and goes with the rest (51, 57)",
    async run(world) {
      await stagedThree(world);
      await world.end("p", staged(3, [heir("e", { trigger: "SETTLED" })]));
      await world.store.expand({ max: 1 });
      await cancelJob(world, "p");
      const waits = await world.store.cascade({ max: 10 });
      assert.deepEqual([waits.count, waits.more], [0, false]);
      await world.store.expand({ max: 1 });
      await world.expect({ a: "READY", b: "HELD:PARENT" });
      const last = await world.store.expand({ max: 1 });
      assert.deepEqual([last.more, last.effects.cascadeDue], [false, true]);
      await world.upkeep();
      for (const id of ["a", "b", "c"]) assert.equal(await world.state(id), "CANCELLED:PARENT_CANCELLED", id);
      assert.deepEqual(await world.drain(), ["e"]);
      await world.expect({ p: "CANCELLED:REQUESTED" });
    },
  },
  {
    name: "stage / the success of a job that was asked to stop cancels all it staged (39, 57)",
    async run(world) {
      await stagedThree(world);
      await cancelJob(world, "p");
      const [answer] = await world.settle(world.item("p", staged(3)));
      assert.equal(answer?.kind === "accepted" && answer.state, "AWAITING_CHILDREN");
      await world.upkeep(1);
      for (const id of ["a", "b", "c"]) assert.equal(await world.state(id), "CANCELLED:PARENT_CANCELLED", id);
      await world.expect({ p: "CANCELLED:REQUESTED" });
    },
  },
  {
    name: "stage / a FAIL_FAST death takes siblings that are not put in yet (20, 57)",
    async run(world) {
      await world.insert(job("p"));
      await world.claim();
      await stage(world, "p", 1, [child("first", { policy: "FAIL_FAST" }), child("b"), child("c")]);
      await world.end("p", staged(3));
      await world.store.expand({ max: 2 });
      await world.claim({ jobsMax: 1 });
      await world.discard("first");
      await world.upkeep();
      await world.expect({ b: "CANCELLED:SIBLING_FAILED", c: "CANCELLED:SIBLING_FAILED", p: "DEAD:CHAIN_FAILED" });
      await revive(world, "first");
      assert.deepEqual((await world.drain()).toSorted(), ["b", "c", "first"]);
      await world.expect({ p: "COMPLETED" });
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
  brokers("staged children are put in once (57)", async (world, stores) => {
    const parents = many("p", 6);
    await world.insert(...parents.map((id) => job(id)));
    await world.claim();
    for (const id of parents) await stage(world, id, 1, children(...many(`${id}-`, 10)));
    await world.settle(...parents.map((id) => world.item(id, staged(10, [heir(`${id}-h`)]))));
    const told = await upkeepOf(stores, (store) => store.expand({ max: 7 }));
    assert.equal(told.count, 60);
    const leases = await world.claim();
    unique(
      leases.map((each) => each.jobId),
      60,
    );
    for (const lease of leases) await world.succeed(lease.jobId);
    await world.upkeep();
    for (const id of parents) assert.equal(await world.state(`${id}-h`), "READY");
  }),
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
