import assert from "node:assert/strict";
import type { Lease } from "../../../src/store/commit.ts";
import type { News } from "../../../src/store/effects.ts";
import { child, heir, job, success, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { holder } from "./holder.ts";
import { both, brokers, commit, many, type Stores, unique } from "./two-brokers.ts";
import { only, ttlMs, type World } from "./world.ts";

/** Claims of several jobs each from both, as often as there are jobs; what both got. */
async function claimAll(world: World, stores: Stores, jobsMax: number): Promise<readonly Lease[]> {
  const sessions = [await world.openSession(), await world.openSession()];
  const got: Lease[] = [];
  await both(stores, async (store, index) => {
    // Whoever meets rows that the other is about to take may come back short: one empty answer says little.
    for (let empty = 0; empty < 3; ) {
      const item = await world.claimItem({ session: sessions[index] ?? (await world.worker()), jobsMax });
      const leases = world.take(only((await commit(store, { claim: [item] })).claimed));
      got.push(...leases);
      empty = leases.length === 0 ? empty + 1 : 0;
    }
  });
  return got;
}

/** Sessions, claims and queues as several brokers on one store have them. */
export const twoBrokerClaimCases: readonly Case[] = [
  brokers("no job is handed out twice under concurrent claims of both (10)", async (world, stores) => {
    const ids = many("a", 300);
    await world.insert(
      ...ids.map((id, index) => job(id, { priority: index % 3, queue: index % 2 ? "mail" : "default" })),
    );
    const leases = await claimAll(world, stores, 7);
    unique(
      leases.map((each) => each.jobId),
      300,
    );
    unique(
      leases.map((each) => each.leaseId),
      300,
    );
    for (const id of ["a0", "a299"]) assert.equal((await world.get(id)).attempt, 1);
  }),
  brokers("jobs that one inserts the other claims, settles and reads (10)", async (world, [, other]) => {
    await world.insert(tree(job("p"), child("c"), heir("h")));
    for (const id of ["p", "c", "h"]) {
      const item = await world.claimItem();
      const lease = only(world.take(only((await commit(other, { claim: [item] })).claimed)));
      assert.equal(lease.jobId, id);
      assert.equal(only((await commit(other, { settle: [world.item(id, success())] })).settled).kind, "accepted");
      assert.equal((await other.getJob(lease.jobId))?.attempt, 1);
    }
    await world.upkeep();
    await world.expect({ p: "COMPLETED", c: "COMPLETED", h: "COMPLETED" });
  }),
  brokers(
    "a session resumed on the other keeps its jobs, and the stream before it is refused (22)",
    async (world, stores) => {
      const [one, other] = stores;
      const stale = await holder(world, "a", "b", "lost");
      const held = ["a", "b"].map((id) => ({ leaseId: world.lease(id).leaseId, buffered: false }));
      const answer = await other.resumeSession({ sessionId: stale.sessionId, principal: "", ttlMs, held });
      assert.equal(answer.kind === "resumed" && answer.epoch, 2);
      assert.deepEqual(answer.kind === "resumed" && answer.kept.map((each) => each.jobId), ["a", "b"]);
      const renewed = await commit(one, { renew: [{ ...stale, ttlMs, buffered: [] }] });
      assert.deepEqual(renewed.renewed, [{ kind: "gone" }]);
      const claimed = await commit(one, { claim: [await world.claimItem({ session: stale })] });
      assert.deepEqual(claimed.claimed, [{ kind: "gone" }]);
      assert.equal((await one.closeSession(stale)).count, 0);
      await one.detachSession({ ...stale, graceMs: 0 });
      world.advance(ttlMs - 1);
      await world.reap();
      await world.expect({ a: "RUNNING", b: "RUNNING", lost: "READY" });
      // An outcome counts by its lease, whichever stream brings it.
      for (const [index, store] of stores.entries()) {
        const settled = await commit(store, { settle: [world.item(index === 0 ? "a" : "b", success())] });
        assert.equal(only(settled.settled).kind, "accepted");
      }
    },
  ),
  brokers(
    "of two resumes at once each has an epoch of its own, and the newer one lives (22)",
    async (world, stores) => {
      for (const id of many("a", 10)) {
        const { sessionId } = await holder(world, id);
        const held = [{ leaseId: world.lease(id).leaseId, buffered: false }];
        const answers = await both(stores, (store) => store.resumeSession({ sessionId, principal: "", ttlMs, held }));
        const epochs = answers.map((answer) => (answer.kind === "resumed" ? answer.epoch : 0));
        assert.deepEqual([...epochs].sort(), [2, 3]);
        for (const epoch of epochs) {
          assert.equal((await world.renew({ sessionId, epoch })).kind, epoch === 3 ? "renewed" : "gone");
        }
        await world.expect({ [id]: "RUNNING" });
      }
    },
  ),
  brokers("a limit of running jobs holds over both (65)", async (world, stores) => {
    const { queue } = job("a");
    await stores[0].updateQueue(queue, { maxConcurrency: 5 });
    await world.insert(...many("a", 40).map((id) => job(id)));
    const done: string[] = [];
    for (let round = 0; round < 100 && done.length < 40; round += 1) {
      const leases = await claimAll(world, stores, 3);
      assert.ok(leases.length <= 5, `${leases.length} run at once`);
      await world.settle(...leases.map((each) => world.item(each, success())));
      done.push(...leases.map((each) => each.jobId));
    }
    unique(done, 40);
  }),
  brokers("a queue that one pauses is paused for the other, at once (11)", async (world, [one, other]) => {
    const { queue } = job("a");
    const claimOther = async () => {
      const item = await world.claimItem({ jobsMax: 1 });
      return world.take(only((await commit(other, { claim: [item] })).claimed)).length;
    };
    await world.insert(job("a"), job("b"));
    assert.equal(await claimOther(), 1);
    await one.updateQueue(queue, { paused: true });
    assert.equal(await claimOther(), 0);
    assert.equal((await other.getQueue(queue))?.settings.paused, true);
    await one.updateQueue(queue, { paused: false });
    assert.equal(await claimOther(), 1);
  }),
  brokers("news of one reach the other, and not itself (13)", async (_world, [one, other]) => {
    const { queue, payload } = job("a");
    const news: News = { readied: [{ queue, type: payload.type }], ended: [job("a").id], cancels: [] };
    const own: unknown[] = [];
    const stopOwn = one.listen((each) => own.push(each));
    const heard = new Promise<News>((resolve) => {
      other.listen((each) => {
        if (each !== undefined) resolve(each);
      });
    });
    // A hint may be lost: it is told until it is heard.
    const telling = setInterval(() => one.announce(news), 20);
    one.announce(news);
    const got = await heard.finally(() => clearInterval(telling));
    assert.deepEqual([got.readied, got.ended, got.cancels], [news.readied, news.ended, news.cancels]);
    stopOwn();
    assert.deepEqual(
      own.filter((each) => each !== undefined),
      [],
    );
  }),
];
