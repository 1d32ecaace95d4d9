import assert from "node:assert/strict";
import { defaultRetention, rememberedMs } from "../../../src/core/job.ts";
import { cancel, child, discard, group, heir, job, jobId, success, tree } from "../jobs.ts";
import { cancelJob, present, remove, retryJob } from "./ask.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { brokers, many, upkeepOf } from "./two-brokers.ts";
import { untilDone } from "./until-done.ts";
import { only, type World } from "./world.ts";

/** One job of each end. */
async function threeEnds(world: World, queue = "default"): Promise<void> {
  const [done, gone, dead] = [`done-${queue}`, `gone-${queue}`, `dead-${queue}`];
  await world.insert(job(done, { queue }), job(gone, { queue }), job(dead, { queue }));
  await world.claim();
  await world.succeed(done);
  await world.end(gone, cancel);
  await world.discard(dead);
}

/** A completed chain of a root, five children and an heir. */
async function ended(world: World, root: string): Promise<void> {
  await declare(world, root, ...many(`${root}-`, 5).map((id) => child(id)), heir(`${root}-h`));
  await world.drain();
}

const prune = (world: World, max = 100): Promise<boolean> => untilDone(() => world.store.prune({ max }));

export const retentionCases: readonly Case[] = [
  {
    name: "prune / completed and cancelled chains go after a day, dead ones after thirty (68)",
    async run(world) {
      await threeEnds(world);
      world.advance(defaultRetention.completedMs - 1);
      assert.equal(await prune(world), false);
      world.advance(1);
      const step = await world.store.prune({ max: 100 });
      assert.deepEqual([step.count, step.more], [2, false]);
      assert.deepEqual(await present(world), ["dead-default"]);
      world.advance(defaultRetention.deadMs - defaultRetention.completedMs - 1);
      assert.equal(await prune(world), false);
      world.advance(1);
      await prune(world);
      assert.deepEqual(await present(world), []);
    },
  },
  {
    name: "prune / a queue can keep what ended in it for longer or not at all, by its state (68)",
    async run(world) {
      await world.store.updateQueue(job("x", { queue: "short" }).queue, {
        completedRetentionMs: 0,
        cancelledRetentionMs: 10,
        deadRetentionMs: 20,
      });
      await threeEnds(world, "short");
      await threeEnds(world);
      await prune(world);
      assert.equal((await present(world)).includes("done-short"), false);
      world.advance(10);
      await prune(world);
      assert.deepEqual(await present(world), ["dead-default", "dead-short", "done-default", "gone-default"]);
      world.advance(10);
      await prune(world);
      await world.store.updateQueue(job("x").queue, { completedRetentionMs: 20 });
      await prune(world);
      assert.deepEqual(await present(world), ["dead-default", "gone-default"]);
    },
  },
  {
    name: "prune / counts from the root's end, in the root's queue, and leaves open chains (68)",
    async run(world) {
      await world.store.updateQueue(job("x").queue, { completedRetentionMs: 100 });
      await world.insert(
        tree(group("g"), child("early"), child("other", { queue: "other" })),
        job("open", { delayMs: 5_000 }),
      );
      await world.drain((id) => (id === "other" ? { kind: "snooze", delayMs: 50 } : success()));
      world.advance(100);
      assert.equal(await prune(world), false);
      await world.promote();
      await world.claim();
      await world.succeed("other");
      world.advance(99);
      assert.equal(await prune(world), false);
      world.advance(1);
      await prune(world);
      assert.deepEqual(await present(world), ["open"]);
      assert.deepEqual((await world.store.getQueue(job("x", { queue: "other" }).queue))?.lanes, []);
    },
  },
  {
    name: "prune / takes chains in batches, newest jobs first, the root last, and ends what it began first (68)",
    needs: ["shardWideOrder"],
    async run(world) {
      await ended(world, "p");
      await ended(world, "q");
      world.advance(defaultRetention.completedMs);
      const first = await world.store.prune({ max: 5 });
      assert.deepEqual([first.count, first.more], [5, true]);
      assert.deepEqual((await present(world)).slice(0, 2), ["p", "p-0"]);
      assert.deepEqual([(await world.dumped("p")).pruning, (await world.dumped("q")).pruning], [true, false]);
      await world.expect({ p: "COMPLETED" });
      const second = await world.store.prune({ max: 3 });
      assert.deepEqual([second.count, second.more, (await world.dumped("q")).pruning], [3, true, true]);
      assert.deepEqual(await present(world), ["q", "q-0", "q-1", "q-2", "q-3", "q-4"]);
      await prune(world, 2);
      assert.deepEqual(await present(world), []);
      assert.deepEqual((await world.store.getQueue(job("x").queue))?.lanes, []);
    },
  },
  {
    name: "prune / a thousand old chains go a few hundred at a time (68)",
    async run(world) {
      const ids = many("a", 1_000);
      await world.insert(...ids.map((id) => job(id)));
      const leases = await world.claim();
      await world.settle(...leases.map((each) => world.item(each, success())));
      world.advance(defaultRetention.completedMs);
      const steps: number[] = [];
      await untilDone(async () => {
        const step = await world.store.prune({ max: 300 });
        steps.push(step.count);
        return step;
      });
      assert.deepEqual(steps, [300, 300, 300, 100]);
      assert.equal((await present(world)).length, 0);
    },
  },
  {
    name: "prune / what goes leaves nothing behind to read, list, settle or stand in the way (26, 68)",
    async run(world) {
      await ended(world, "p");
      const late = world.item("p-0", success());
      await remove(world, "p");
      assert.equal(await world.store.getJob(jobId("p-0")), undefined);
      assert.equal(await world.store.getChain(jobId("p"), { size: 10, depthMax: 9 }), undefined);
      assert.deepEqual((await world.store.listJobs({ states: [], includeChainFailed: true }, { size: 10 })).items, []);
      assert.deepEqual(await world.store.getStatuses([jobId("p"), jobId("p-h")]), [undefined, undefined]);
      assert.deepEqual(await world.settle(late), [{ kind: "lost" }]);
      await declare(world, "next", child("p-0"), child("p-1"));
      await world.drain();
      await world.expect({ next: "COMPLETED", "p-0": "COMPLETED" });
    },
  },
  {
    name: "delete / an open chain, a job below a root and one that is not there are refused (51)",
    async run(world) {
      await declare(world, "p", child("c"), heir("h"));
      await world.claim();
      await world.succeed("c");
      assert.deepEqual(await remove(world, "p"), { kind: "open", state: "AWAITING_CHILDREN" });
      assert.deepEqual(await remove(world, "c"), { kind: "below", rootId: "p" });
      assert.deepEqual(await remove(world, "nobody"), { kind: "missing" });
      await world.insert(job("ready"));
      assert.deepEqual(await remove(world, "ready"), { kind: "open", state: "READY" });
      assert.deepEqual(await present(world), ["c", "h", "p", "ready"]);
    },
  },
  {
    name: "delete / of an ended chain removes it whole, in steps when it is large (51, 68)",
    async run(world) {
      await ended(world, "small");
      assert.deepEqual(await remove(world, "small"), { kind: "removed", count: 7, more: false });
      await ended(world, "p");
      assert.deepEqual(await remove(world, "p", 3), { kind: "removed", count: 3, more: true });
      assert.deepEqual(await remove(world, "p"), { kind: "missing" });
      assert.deepEqual(await present(world), ["p", "p-0", "p-1", "p-2"]);
      await prune(world, 2);
      assert.deepEqual(await present(world), []);
    },
  },
  {
    name: "delete / of several chains shares the bound, each is answered at its place (68)",
    async run(world) {
      for (const root of ["p", "q", "r"]) await ended(world, root);
      const roots = ["p", "q", "nobody", "r", "p"].map((id) => jobId(id));
      const answers = await world.store.remove(roots, { max: 9 });
      assert.deepEqual(answers, [
        { kind: "removed", count: 7, more: false },
        { kind: "removed", count: 2, more: true },
        { kind: "missing" },
        { kind: "removed", count: 0, more: true },
        { kind: "missing" },
      ]);
      assert.deepEqual([(await world.dumped("q")).pruning, (await world.dumped("r")).pruning], [true, true]);
      await prune(world);
      assert.deepEqual(await present(world), []);
    },
  },
  {
    name: "delete / a chain that is going is neither cancelled nor retried (34, 68)",
    async run(world) {
      await declare(world, "p", child("a"), child("b"));
      await world.drain(() => discard());
      await remove(world, "p", 1);
      for (const id of ["p", "a"]) {
        assert.deepEqual((await retryJob(world, id)).answer, { kind: "missing" }, id);
        const told = await world.store.cancel([{ id: jobId(id), includeHeirs: true }]);
        assert.deepEqual(told.answers, [{ kind: "missing" }], id);
      }
      await world.expect({ p: "DEAD:CHAIN_FAILED", a: "DEAD:DISCARDED" });
    },
  },
  {
    name: "jpoz: prune removes what has ended and re-runs nothing (68)",
    async run(world) {
      await threeEnds(world);
      await world.insert(job("waiting"));
      world.advance(defaultRetention.deadMs);
      await prune(world, 1);
      assert.deepEqual(await world.claimIds(), ["waiting"]);
      assert.deepEqual(await present(world), ["waiting"]);
    },
  },
  {
    name: "insert / the id and request id of a removed root answer repeats for a day, then are free (3, 68)",
    async run(world) {
      await world.insert(job("a", { requestId: "r" }));
      await world.drain();
      await remove(world, "a");
      const insert = async (id: string, options: Parameters<typeof job>[1] = {}) =>
        only((await world.commit({ insert: [{ trees: [tree(job(id, options))] }] })).inserted);
      const repeated = { kind: "inserted", roots: [{ id: "a", deduplicated: true }] };
      assert.deepEqual(await insert("a"), repeated);
      assert.deepEqual(await insert("other", { payload: "a", requestId: "r" }), repeated);
      assert.deepEqual(await insert("a", { payload: "changed" }), {
        kind: "refused",
        index: 0,
        code: "JOB_ID_EXISTS",
        id: "a",
      });
      assert.deepEqual(await insert("a", { type: "test.v1.Other" }), {
        kind: "refused",
        index: 0,
        code: "JOB_ID_EXISTS",
        id: "a",
      });
      assert.deepEqual(await insert("other", { requestId: "r" }), {
        kind: "refused",
        index: 0,
        code: "REQUEST_ID_REUSED",
        id: "a",
      });
      world.advance(rememberedMs - 1);
      await prune(world);
      assert.deepEqual(await insert("a"), repeated);
      world.advance(1);
      assert.deepEqual(await insert("a", { payload: "changed" }), {
        kind: "inserted",
        roots: [{ id: "a", deduplicated: false }],
      });
      await prune(world);
      assert.deepEqual(await insert("new", { requestId: "r" }), {
        kind: "inserted",
        roots: [{ id: "new", deduplicated: false }],
      });
      assert.deepEqual(await present(world), ["a", "new"]);
    },
  },
  {
    name: "prune / a crash between any two steps leaves whole chains or ones that go on to go (56, 68)",
    needs: ["crash"],
    async run(world) {
      await ended(world, "p");
      await world.insert(job("kept"));
      await remove(world, "p", 1);
      for (let left = 6; left > 0; left -= 1) {
        await world.crash();
        assert.equal((await present(world)).length, left + 1);
        await world.store.prune({ max: 1 });
      }
      await world.crash();
      assert.deepEqual(await present(world), ["kept"]);
      const [again] = (await world.commit({ insert: [{ trees: [tree(job("p"))] }] })).inserted;
      assert.deepEqual(again, { kind: "inserted", roots: [{ id: "p", deduplicated: true }] });
    },
  },
  brokers("what is over goes once (68)", async (world, stores) => {
    const ids = many("a", 60);
    await world.insert(...ids.map((id) => job(id)));
    await world.drain();
    world.advance(defaultRetention.completedMs);
    const told = await upkeepOf(stores, (store) => store.prune({ max: 7 }));
    assert.equal(told.count, 60);
    assert.deepEqual(await present(world), []);
    await cancelJob(world, (await world.insert(job("b")))[0] ?? "");
  }),
];
