import assert from "node:assert/strict";
import { child, heir, job, jobId, success } from "../jobs.ts";
import { cancelJob, revive, stage } from "./ask.ts";
import type { Case } from "./case.ts";
import { list } from "./list-all.ts";
import { children, staged, stagedThree } from "./staged-three.ts";
import { brokers, many, unique, upkeepOf } from "./two-brokers.ts";

/** How staged children come into their chain, and what may overtake them. */
export const expansionCases: readonly Case[] = [
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
];
