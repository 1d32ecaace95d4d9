import assert from "node:assert/strict";
import { parseQueueName } from "../../../src/core/names.ts";
import { child, heir, job, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { only, ttlMs } from "./world.ts";

const mail = parseQueueName("mail");
const backoff = { kind: "FIXED", initialMs: 77, maxMs: 77, multiplier: 1, jitter: 0 } as const;

export const queueCases: readonly Case[] = [
  {
    name: "queue / unknown until a job was in it or something was set (8)",
    async run(world) {
      assert.equal(await world.store.getQueue(mail), undefined);
      await world.insert(job("a", { queue: "mail" }));
      const found = await world.store.getQueue(mail);
      assert.deepEqual(found?.settings, {
        paused: false,
        maxConcurrency: undefined,
        maxAttempts: undefined,
        backoff: undefined,
        timeoutMs: undefined,
        crashLimit: undefined,
        completedRetentionMs: undefined,
        cancelledRetentionMs: undefined,
        deadRetentionMs: undefined,
      });
      const set = await world.store.updateQueue(parseQueueName("new"), { paused: true });
      assert.deepEqual([set.name, set.settings.paused, set.lanes], ["new", true, []]);
      assert.equal((await world.store.getQueue(parseQueueName("new")))?.settings.paused, true);
    },
  },
  {
    name: "queue / a change sets what it names, and clears what it names as undefined (65)",
    async run(world) {
      await world.store.updateQueue(mail, { maxAttempts: 2, backoff, timeoutMs: 5, crashLimit: 1, maxConcurrency: 3 });
      await world.store.updateQueue(mail, { completedRetentionMs: 0, cancelledRetentionMs: 7, deadRetentionMs: 8 });
      await world.store.updateQueue(mail, { timeoutMs: 6, backoff: undefined, cancelledRetentionMs: undefined });
      const record = await world.store.updateQueue(mail, {});
      assert.deepEqual(record.settings, {
        paused: false,
        maxConcurrency: 3,
        maxAttempts: 2,
        backoff: undefined,
        timeoutMs: 6,
        crashLimit: 1,
        completedRetentionMs: 0,
        cancelledRetentionMs: undefined,
        deadRetentionMs: 8,
      });
      assert.deepEqual((await world.store.getQueue(mail))?.settings, record.settings);
    },
  },
  {
    name: "queue / its values apply at claim and at failure, also to jobs already queued (27)",
    async run(world) {
      await world.insert(job("a", { queue: "mail" }), job("own", { queue: "mail", maxAttempts: 4, timeoutMs: 9 }));
      await world.store.updateQueue(mail, { maxAttempts: 2, timeoutMs: 1_234, backoff });
      const leases = await world.claim();
      assert.deepEqual(
        leases.map((lease) => [lease.jobId, lease.maxAttempts, lease.timeoutMs]),
        [
          ["a", 2, 1_234],
          ["own", 4, 9],
        ],
      );
      await world.fail("a");
      await world.fail("own");
      assert.equal((await world.get("a")).runAt, world.now + 77);
      world.advance(77);
      await world.promote();
      await world.claim();
      await world.store.updateQueue(mail, { maxAttempts: 1 });
      await world.fail("a");
      await world.fail("own");
      await world.expect({ a: "DEAD:ATTEMPTS_EXHAUSTED", own: "RETRYING" });
      assert.deepEqual([(await world.get("a")).maxAttempts, (await world.get("own")).maxAttempts], [undefined, 4]);
    },
  },
  {
    name: "queue / a job's own back-off comes before the queue's (35)",
    async run(world) {
      await world.store.updateQueue(mail, { backoff });
      const own = { ...backoff, initialMs: 55, maxMs: 55 };
      await world.insert(job("a", { queue: "mail", backoff: own }), job("b", { queue: "mail" }), job("c"));
      await world.claim();
      for (const id of ["a", "b", "c"]) await world.fail(id);
      const waits = await Promise.all(["a", "b", "c"].map(async (id) => (await world.get(id)).runAt - world.now));
      assert.deepEqual(waits, [55, 77, 1_000]);
    },
  },
  {
    name: "queue / its crash limit and back-off apply when a worker is lost (17)",
    async run(world) {
      await world.store.updateQueue(mail, { crashLimit: 2, backoff });
      await world.insert(job("a", { queue: "mail" }));
      for (const expected of ["RETRYING", "DEAD:CRASH_LIMIT"]) {
        await world.claim({ session: await world.openSession() });
        world.advance(ttlMs);
        await world.reap();
        assert.equal(await world.state("a"), expected);
        world.advance(77);
        await world.promote();
      }
    },
  },
  {
    name: "queue / never more jobs leased than its maximum concurrency, over all workers (65)",
    needs: ["shardWideOrder"],
    async run(world) {
      await world.store.updateQueue(mail, { maxConcurrency: 3 });
      await world.insert(...[0, 1, 2, 3, 4, 5].map((index) => job(`m${index}`, { queue: "mail" })), job("d"));
      const other = await world.openSession();
      assert.deepEqual(await world.claimIds({ jobsMax: 2, lanes: [{ queue: "mail" }] }), ["m0", "m1"]);
      assert.deepEqual(await world.claimIds({ session: other }), ["m2", "d"]);
      assert.deepEqual(await world.claimIds({ session: other }), []);
      await world.succeed("m1");
      assert.deepEqual(await world.claimIds(), ["m3"]);
      await world.fail("m0");
      await world.release("m2");
      await world.store.updateQueue(mail, { maxConcurrency: 1 });
      assert.deepEqual(await world.claimIds(), []);
      await world.store.updateQueue(mail, { maxConcurrency: undefined });
      assert.deepEqual(await world.claimIds(), ["m2", "m4", "m5"]);
    },
  },
  {
    name: "queue / a full queue does not hold up another, in one claim or one commit (66)",
    needs: ["shardWideOrder"],
    async run(world) {
      await world.store.updateQueue(mail, { maxConcurrency: 1 });
      await world.insert(job("m1", { queue: "mail" }), job("m2", { queue: "mail" }), job("d1"), job("d2"));
      const lanes = [{ queue: "mail" }, { queue: "default" }];
      const answer = await world.commit({
        claim: [await world.claimItem({ lanes, jobsMax: 2 }), await world.claimItem({ lanes, jobsMax: 2 })],
      });
      assert.deepEqual(
        answer.claimed.map((each) => world.take(each).map((lease) => lease.jobId)),
        [["m1", "d1"], ["d2"]],
      );
    },
  },
  {
    name: "queue / its counts follow every job through its life (42)",
    async run(world) {
      const counts = async () => {
        const lanes = (await world.store.getQueue(mail))?.lanes ?? [];
        const of = only(lanes).counts;
        return Object.fromEntries(Object.entries(of).filter(([, count]) => count !== 0));
      };
      await world.insert(
        ...["a", "b", "c", "d"].map((id) => job(id, { queue: "mail" })),
        job("later", { queue: "mail", delayMs: 1_000_000 }),
        tree(job("p", { queue: "mail" }), child("s", { queue: "mail" }), heir("h", { queue: "mail" })),
      );
      assert.deepEqual(await counts(), { SCHEDULED: 1, READY: 5, HELD: 2 });
      await world.claim();
      assert.deepEqual(await counts(), { SCHEDULED: 1, RUNNING: 5, HELD: 2 });
      await world.succeed("a");
      await world.fail("b");
      await world.discard("c");
      await world.succeed("p", [child("x", { queue: "mail" })]);
      assert.deepEqual(await counts(), {
        SCHEDULED: 1,
        READY: 2,
        RUNNING: 1,
        RETRYING: 1,
        AWAITING_CHILDREN: 1,
        HELD: 1,
        COMPLETED: 1,
        DEAD: 1,
      });
      await world.drain();
      await world.expect({ p: "COMPLETED" });
      assert.deepEqual(await counts(), { SCHEDULED: 1, RUNNING: 1, RETRYING: 1, COMPLETED: 5, DEAD: 1 });
    },
  },
  {
    name: "queue / counts stand apart per type, and survive a crash (56)",
    needs: ["crash"],
    async run(world) {
      await world.insert(
        job("a", { type: "test.v1.A" }),
        job("b", { type: "test.v1.B" }),
        job("c", { type: "test.v1.B" }),
      );
      await world.claim({ jobsMax: 2 });
      await world.succeed("a");
      await world.crash();
      const lanes = (await world.store.getQueue(job("a").queue))?.lanes ?? [];
      const of = (type: string) => lanes.find((lane) => lane.type === type)?.counts ?? {};
      assert.deepEqual([of("test.v1.A").COMPLETED, of("test.v1.A").READY ?? 0], [1, 0]);
      assert.deepEqual([of("test.v1.B").RUNNING, of("test.v1.B").READY], [1, 1]);
    },
  },
  {
    name: "queue / says how long its oldest ready job waits (8)",
    async run(world) {
      const oldest = async () => (await world.store.getQueue(mail))?.oldestWaitMs;
      await world.insert(job("later", { queue: "mail", delayMs: 60 }));
      assert.equal(await oldest(), undefined);
      await world.insert(job("a", { queue: "mail" }));
      world.advance(40);
      await world.insert(job("b", { queue: "mail" }));
      assert.equal(await oldest(), 40);
      await world.claim({ jobsMax: 1 });
      assert.equal(await oldest(), 0);
      await world.claim();
      assert.equal(await oldest(), undefined);
    },
  },
  {
    name: "queue / a repeated or refused insert makes no queue (3)",
    async run(world) {
      await world.insert(job("a"));
      await world.insertTogether(job("a", { queue: "mail" }));
      await world.insertTogether(job("a", { queue: "mail", payload: "other" }));
      await world.insertTogether(job("new", { queue: "mail" }), job("a", { payload: "other" }));
      assert.equal(await world.store.getQueue(mail), undefined);
      assert.deepEqual(
        (await world.store.dump()).queues.map((queue) => queue.name),
        ["default"],
      );
    },
  },
];
