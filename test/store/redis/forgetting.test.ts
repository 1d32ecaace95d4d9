import assert from "node:assert/strict";
import { test } from "node:test";
import { Redis } from "ioredis";
import { defaultRetention, rememberedMs } from "../../../src/core/job.ts";
import { defaultQueue, type SessionId } from "../../../src/core/names.ts";
import { shardPrefix } from "../../../src/store/redis/keys.ts";
import { redisUrl } from "../../servers/addresses.ts";
import { openWorld, type World } from "../conformance/world.ts";
import { redisEngine } from "../engines/redis.ts";
import { job, jobId, success, tree, workType } from "../jobs.ts";
import { commit, ownUrl, withServer, withStore } from "./world.ts";

/** Runs `work` with a world of so many shards, and with what counts the fields of a hash over all of them. */
async function withShards(
  shards: number,
  work: (world: World, sizeOf: (hash: string) => Promise<number>) => Promise<void>,
): Promise<void> {
  const world = await openWorld(redisEngine({ shards, url: redisUrl }));
  const redis = new Redis(await redisUrl());
  const [, namespace = ""] = /\(namespace (.*)\)/.exec(world.store.description.location) ?? [];
  const sizeOf = async (hash: string): Promise<number> => {
    const all = Array.from({ length: shards }, (_, shard) => redis.hlen(`${shardPrefix(namespace, shard)}${hash}`));
    return (await Promise.all(all)).reduce((sum, size) => sum + size, 0);
  };
  try {
    await work(world, sizeOf);
  } finally {
    redis.disconnect();
    await world.close();
  }
}

async function pruneAll({ store }: World): Promise<void> {
  for (let left = 6; left > 0; left -= 1) await store.prune({ max: 100 });
}

test("redis / workers are known as long as a job's history names them, and forgotten then (68)", () =>
  withShards(1, async (world, sizeOf) => {
    await world.insert(job("a"), job("b", { delayMs: 1 }));
    await world.claim();
    await world.succeed("a");
    const claimed = await world.get("a");
    await world.store.closeSession({ sessionId: claimed.attempts[0]?.sessionId as SessionId, epoch: 1 });
    world.advance(1);
    await pruneAll(world);
    assert.equal(await sizeOf("worker"), 1);
    assert.deepEqual((await world.get("a")).attempts, claimed.attempts);
    world.advance(defaultRetention.completedMs);
    await pruneAll(world);
    assert.equal(await sizeOf("worker"), 0);
    assert.equal(await sizeOf("sweep"), 0, "a round that is over leaves nothing");
    await world.expect({ b: "SCHEDULED" });
  }));

for (const shards of [1, 4]) {
  test(`redis / nothing is left of a removed chain and its request id once it is forgotten, ${shards} shards (3, 68)`, () =>
    withShards(shards, async (world, sizeOf) => {
      await world.insert(job("a", { requestId: "one", payload: "same" }));
      await world.claim();
      await world.succeed("a");
      world.advance(defaultRetention.completedMs);
      await pruneAll(world);
      const again = tree(job("again", { requestId: "one", payload: "same" }));
      const [repeat] = (await world.commit({ insert: [{ trees: [again] }] })).inserted;
      assert.deepEqual(repeat, { kind: "inserted", roots: [{ id: "a", deduplicated: true }] });
      world.advance(rememberedMs);
      await pruneAll(world);
      const hashes = ["job", "spec", "id", "request", "result", "attempt", "gone", "gonerequest", "reserved"];
      assert.deepEqual(await Promise.all(hashes.map(sizeOf)), Array(hashes.length).fill(0));
      const [fresh] = (await world.commit({ insert: [{ trees: [again] }] })).inserted;
      assert.deepEqual(fresh, { kind: "inserted", roots: [{ id: jobId("again"), deduplicated: false }] });
    }));
}

test("redis / a server that is out of memory takes no job, but can be pruned (68)", () =>
  withServer({}, async ({ server, redis }) => {
    await withStore(ownUrl(server.url), async (store) => {
      const session = { sessionId: "s" as SessionId, epoch: 1 };
      await store.openSession({ ...session, principal: "", worker: "w", instanceId: "i", ttlMs: 60_000 });
      await store.updateQueue(defaultQueue, { completedRetentionMs: 0 });
      const insert = (id: string) => commit(store, { insert: [{ trees: [tree(job(id))] }] });
      for (const id of ["a", "b"]) await insert(id);
      const lanes = [{ queue: defaultQueue, types: [workType], jobsMax: 10 }];
      const claim = { ...session, nonce: "n", jobsMax: 10, bytesMax: Number.POSITIVE_INFINITY, lanes };
      const [answer] = (await commit(store, { claim: [claim] })).claimed;
      const leases = answer?.kind === "claimed" ? answer.leases : [];
      await commit(store, {
        settle: leases.map(({ leaseId }) => ({ leaseId, outcome: success(), sent: "success", jitter: 0 })),
      });
      await redis.config("SET", "maxmemory", "1");
      await assert.rejects(insert("c"), { code: "STORE_FULL" });
      assert.equal((await store.prune({ max: 10 })).count, 2);
      assert.deepEqual((await store.dump()).jobs, []);
    });
  }));
