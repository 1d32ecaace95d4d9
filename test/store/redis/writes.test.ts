import assert from "node:assert/strict";
import { test } from "node:test";
import { Redis } from "ioredis";
import { defaultQueue, type QueueName, type SessionId } from "../../../src/core/names.ts";
import type { Lease } from "../../../src/store/commit.ts";
import { shardPrefix } from "../../../src/store/redis/keys.ts";
import { shardOf } from "../../../src/store/redis/shards.ts";
import type { Store } from "../../../src/store/store.ts";
import { redisUrl } from "../../servers/addresses.ts";
import { openWorld, type World } from "../conformance/world.ts";
import { redisEngine } from "../engines/redis.ts";
import { job, jobId, tree, workType } from "../jobs.ts";
import { commit, ownUrl, withStore } from "./world.ts";

async function withWorld(shards: number, work: (world: World) => Promise<void>): Promise<void> {
  const world = await openWorld(redisEngine({ shards, url: redisUrl }));
  try {
    await work(world);
  } finally {
    await world.close();
  }
}

const many = (count: number, prefix: string, options: Parameters<typeof job>[1] = {}) =>
  Array.from({ length: count }, (_, index) => job(`${prefix}${index}`, options));

const idsOf = (leases: readonly Lease[]): string[] => leases.map(({ jobId: id }) => id).sort();

async function countsOf(store: Store): Promise<Readonly<Record<string, number>>> {
  const lanes = (await store.getQueue(defaultQueue))?.lanes ?? [];
  return Object.fromEntries(lanes.flatMap(({ counts }) => Object.entries(counts)));
}

test("redis shards / neither a paused nor a full queue holds up another of the same worker (11, 66)", () =>
  withWorld(4, async (world) => {
    for (const setting of [{ paused: true }, { maxConcurrency: 1 }]) {
      const shut = setting.paused === true ? "paused" : "full";
      await world.insert(...many(20, `${shut}-`, { queue: shut, priority: 10 }), ...many(20, `open-${shut}-`));
      await world.store.updateQueue(shut as QueueName, setting);
      const leases = await world.claim({ lanes: [{ queue: shut }, { queue: defaultQueue }] });
      assert.equal(leases.filter(({ queue }) => queue === defaultQueue).length, 20, shut);
      assert.equal(leases.filter(({ queue }) => queue !== defaultQueue).length, shut === "full" ? 1 : 0);
    }
  }));

test("redis shards / higher priorities come first from whatever shard they are on (8)", () =>
  withWorld(16, async (world) => {
    const priorities = [5, -3, 0, 7, 2];
    for (const priority of priorities) await world.insert(...many(8, `p${priority}-`, { priority }));
    const leases = await world.claim({ jobsMax: 30 });
    assert.deepEqual(
      leases.map(({ priority }) => priority),
      [7, 5, 2, 0].flatMap((priority) => Array.from({ length: priority === 0 ? 6 : 8 }, () => priority)),
    );
  }));

test("redis shards / a limit holds over all shards, whoever claims at once (65)", () =>
  withWorld(8, async (world) => {
    await world.insert(...many(60, "job-"));
    await world.store.updateQueue(defaultQueue, { maxConcurrency: 7 });
    const items = await Promise.all(Array.from({ length: 6 }, () => world.claimItem()));
    const answers = await Promise.all(items.map((item) => world.commit({ claim: [item] })));
    const leases = answers.flatMap(({ claimed }) => claimed.flatMap((each) => world.take(each)));
    assert.ok(leases.length > 0 && leases.length <= 7, `${leases.length} leases`);
    assert.equal((await countsOf(world.store)).RUNNING, leases.length);
  }));

test("redis shards / a request id is one job, whatever ids it comes with and wherever they lie (3)", () =>
  withWorld(16, async (world) => {
    const asked = Array.from({ length: 6 }, (_, index) =>
      tree(job(`try-${index}`, { requestId: "one", payload: "same" })),
    );
    const answers = await Promise.all(asked.map((each) => world.commit({ insert: [{ trees: [each] }] })));
    const roots = answers.flatMap(({ inserted }) =>
      inserted.flatMap((each) => (each.kind === "inserted" ? each.roots : [])),
    );
    assert.equal(roots.length, asked.length);
    assert.equal(new Set(roots.map(({ id }) => id)).size, 1);
    assert.equal(roots.filter(({ deduplicated }) => !deduplicated).length, 1);
    const other = tree(job("other", { requestId: "one", payload: "another" }));
    const [refused] = (await world.commit({ insert: [{ trees: [other] }] })).inserted;
    assert.equal(refused?.kind === "refused" && refused.code, "REQUEST_ID_REUSED");
    assert.equal((await world.store.dump()).jobs.length, 1);
  }));

test("redis shards / trees on different shards are refused together, and leave nothing behind (2)", () =>
  withWorld(16, async (world) => {
    const [first, second] = [
      jobId("a"),
      ["b", "c", "d", "e"].map(jobId).find((id) => shardOf(id, 16) !== shardOf("a", 16)),
    ];
    assert.ok(second);
    const together = await world.insertTogether(job(first, { requestId: "r1" }), job(second, { requestId: "r2" }));
    assert.deepEqual(together, { kind: "refused", index: 1, code: "ATOMIC_SPANS_SHARDS", id: second });
    assert.deepEqual((await world.store.dump()).jobs, []);
    // The request ids are free for something else.
    await world.insert(job("x", { requestId: "r1", payload: "x" }), job("y", { requestId: "r2", payload: "y" }));
  }));

for (const shards of [1, 4]) {
  test(`redis / the first try of a claim that comes after its repeat leases nothing, ${shards} shards (10)`, () =>
    withWorld(shards, async (world) => {
      const item = await world.claimItem({ lanes: [{ queue: defaultQueue }] });
      await world.commit({ claim: [{ ...item, again: true }] });
      await world.insert(...many(8, "job-"));
      const late = await world.commit({ claim: [item] });
      assert.deepEqual(late.claimed, [{ kind: "claimed", leases: [] }]);
      const again = await world.commit({ claim: [{ ...item, again: true }] });
      assert.equal(world.take(again.claimed[0]).length, 8);
      const repeated = await world.commit({ claim: [{ ...item, again: true }] });
      assert.deepEqual(idsOf(world.take(repeated.claimed[0])), idsOf(world.take(again.claimed[0])));
    }));
}

test("redis / counters are put right after records were removed at a prompt, whatever they were at (26)", async () => {
  const url = ownUrl(await redisUrl());
  const prefix = shardPrefix(new URL(url).searchParams.get("namespace") ?? "", 0);
  const redis = new Redis(await redisUrl());
  const remove = async (id: string): Promise<void> => {
    await redis.hdel(`${prefix}job`, (await redis.hget(`${prefix}id`, id)) ?? "");
  };
  try {
    await withStore(url, async (store) => {
      const session = { sessionId: "s" as SessionId, epoch: 1 };
      await store.openSession({ ...session, principal: "", worker: "w", instanceId: "i", ttlMs: 60_000 });
      const trees = [job("running"), job("ready"), job("due", { delayMs: 1 }), job("kept", { delayMs: 3_600_000 })].map(
        (each) => tree(each),
      );
      await commit(store, { insert: trees.map((each) => ({ trees: [each] })) });
      const lanes = [{ queue: defaultQueue, types: [workType], jobsMax: 10 }];
      const claim = { ...session, nonce: "n1", jobsMax: 1, bytesMax: Number.POSITIVE_INFINITY, lanes };
      const [first] = (await commit(store, { claim: [claim] })).claimed;
      const taken = first?.kind === "claimed" ? idsOf(first.leases) : [];
      await Promise.all(["ready", "running", "due"].map(remove));
      assert.deepEqual(taken, ["running"]);
      while ((await store.promote({ max: 10 })).nextInMs === 0);
      await commit(store, { claim: [{ ...claim, nonce: "n2" }] });
      await store.closeSession(session);
      assert.deepEqual(await countsOf(store), { SCHEDULED: 1 });
    });
  } finally {
    const left = await redis.keys(`${prefix}*`);
    await redis.del(...left, `${prefix.slice(0, -4)}}:meta`);
    redis.disconnect();
  }
});
