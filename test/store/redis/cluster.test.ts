import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { slotOf } from "../../../src/store/redis/slot.ts";
import type { Store } from "../../../src/store/store.ts";
import { freePort } from "../../servers/free-port.ts";
import { startRedis } from "../../servers/redis.ts";
import { startRedisCluster, type TestCluster } from "../../servers/redis-cluster.ts";
import type { TestServer } from "../../servers/test-server.ts";
import { job, jobId, tree } from "../jobs.ts";
import { commit, eventually, ownUrl, withStore } from "./world.ts";

async function withCluster(work: (cluster: TestCluster) => Promise<void>): Promise<void> {
  const cluster = await startRedisCluster();
  try {
    await work(cluster);
  } finally {
    await cluster.stop();
  }
}

async function insert(store: Store, ...ids: readonly string[]): Promise<void> {
  const { inserted } = await commit(store, { insert: ids.map((id) => ({ trees: [tree(job(id))] })) });
  for (const each of inserted) assert.equal(each.kind, "inserted");
}

function many(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}`);
}

async function ids(store: Store): Promise<readonly string[]> {
  return (await store.dump()).jobs.map(({ id }) => id).sort();
}

test("redis cluster / jobs lie on all its masters, and one that was killed and is back is used again", () =>
  withCluster(async ({ nodes, servers }) => {
    await withStore(ownUrl(`redis://${nodes}`, { cluster: "true" }), async (store) => {
      assert.match(store.description.durability, /on the server's disk/);
      await insert(store, ...many("a", 50));
      for (const { url } of servers)
        assert.ok((await ask(url, (redis) => redis.dbsize())) > 0, "every master has some");
      const [first] = servers;
      await first?.kill();
      await assert.rejects(insert(store, ...many("b", 50)), { code: "STORE_UNAVAILABLE" });
      await first?.restart();
      await eventually(async () => {
        const { inserted } = await commit(store, { insert: many("b", 50).map((id) => ({ trees: [tree(job(id))] })) });
        assert.ok(inserted.every((each) => each.kind === "inserted"));
      });
      assert.deepEqual(await ids(store), [...many("a", 50), ...many("b", 50)].sort());
    });
  }));

test("redis cluster / a replica that takes over is followed, and calls go on", () =>
  withCluster(async ({ nodes, servers }) => {
    const url = ownUrl(`redis://${nodes}`, { cluster: "true" });
    const [, namespace = ""] = /namespace=([^&]*)/.exec(url) ?? [];
    const master = servers[Math.floor((slotOf(`${namespace}:0`) * 3) / 16_384)];
    assert.ok(master);
    const replica = await replicaOf(master);
    try {
      await withStore(url, async (store) => {
        await insert(store, ...many("a", 20));
        await ask(replica.url, (redis) => redis.call("CLUSTER", "FAILOVER"));
        await eventually(() => ask(replica.url, async (redis) => assert.equal((await redis.role())[0], "master")));
        await insert(store, ...many("b", 20));
        assert.equal((await store.getJob(jobId("b7")))?.state, "READY");
        assert.deepEqual(await ids(store), [...many("a", 20), ...many("b", 20)].sort());
      });
    } finally {
      await replica.stop();
    }
  }));

/** A new server of the cluster that has all that `master` has. */
async function replicaOf(master: TestServer): Promise<TestServer> {
  const settings = { "cluster-enabled": "yes", "cluster-node-timeout": "5000" };
  const replica = await startRedis({ settings, findPort: busPort });
  const masterId = String(await ask(master.url, (redis) => redis.call("CLUSTER", "MYID")));
  await ask(replica.url, (redis) => redis.call("CLUSTER", "MEET", "127.0.0.1", String(master.port)));
  await eventually(() => paced(() => ask(replica.url, (redis) => redis.call("CLUSTER", "REPLICATE", masterId))));
  await eventually(() =>
    paced(async () =>
      assert.match(await ask(replica.url, (redis) => redis.info("replication")), /master_link_status:up/),
    ),
  );
  return replica;
}

/** The bus of a cluster's server has a port that lies 10,000 above. */
async function busPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port <= 55_535) return port;
  }
}

/** Leaves the cluster a moment between two tries. */
async function paced<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await pause(50);
    throw error;
  }
}

async function ask<T>(url: string, call: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url);
  try {
    return await call(redis);
  } finally {
    redis.disconnect();
  }
}
