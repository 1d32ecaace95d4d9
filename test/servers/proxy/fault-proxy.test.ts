import assert from "node:assert/strict";
import { test } from "node:test";
import { Redis } from "ioredis";
import { Client } from "pg";
import { postgresUrl, redisUrl } from "../addresses.ts";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.ts";
import { postgresWire } from "./postgres-wire.ts";
import { redisWire } from "./redis-wire.ts";

async function withProxy(starting: Promise<FaultProxy>, use: (proxy: FaultProxy) => Promise<void>): Promise<void> {
  const proxy = await starting;
  try {
    await use(proxy);
  } finally {
    await proxy.close();
  }
}

/** Counts a row of PostgreSQL up through the proxy; false: the connection was cut. */
async function countUp(url: string, table: string): Promise<boolean> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    // With a parameter, so that the extended protocol is spoken, as a store does.
    await client.query(`UPDATE ${table} SET n = n + $1`, [1]);
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

test("proxy / PostgreSQL: a cut before the statement changes nothing, one after it hides that it was done", async () => {
  const table = `proxied_${process.pid}`;
  const kind = `update ${table}`;
  const direct = new Client({ connectionString: await postgresUrl() });
  await direct.connect();
  await direct.query(`CREATE TABLE ${table} AS SELECT 0 AS n`);
  const count = async () => (await direct.query<{ n: number }>(`SELECT n FROM ${table}`)).rows[0]?.n;
  try {
    await withProxy(startFaultProxy(await postgresUrl(), postgresWire), async (proxy) => {
      assert.ok(await countUp(proxy.url, table));
      assert.equal(await count(), 1);
      const counted = new Map<string, number>();
      proxy.count(counted);
      proxy.arm({ moment: "before", of: kind });
      assert.equal(await countUp(proxy.url, table), false);
      assert.deepEqual(proxy.fired(), { kind, moment: "before" });
      assert.equal(await count(), 1);
      proxy.arm({ moment: "after", of: "another kind" });
      assert.ok(await countUp(proxy.url, table));
      assert.equal(proxy.fired(), undefined);
      proxy.arm({ moment: "after" });
      assert.equal(await countUp(proxy.url, table), false);
      assert.equal(await count(), 3);
      assert.equal(counted.get(kind), 3);
    });
  } finally {
    await direct.query(`DROP TABLE ${table}`);
    await direct.end();
  }
});

test("proxy / Redis: a cut before the script changes nothing, one after it hides that it was done", async () => {
  const key = `proxied:${process.pid}`;
  const script = "return {redis.call('INCRBY', KEYS[1], ARGV[1]), {'nested', false, 'x\\r\\ny'}}";
  const direct = new Redis(await redisUrl());
  const sha = String(await direct.script("LOAD", script));
  try {
    await withProxy(
      startFaultProxy(
        await redisUrl(),
        redisWire((hash) => (hash === sha ? "count" : undefined)),
      ),
      async (proxy) => {
        const through = async (): Promise<boolean> => {
          const redis = new Redis(proxy.url, { maxRetriesPerRequest: 0, retryStrategy: () => null });
          redis.on("error", () => undefined);
          try {
            // In one go: the cut has to find its own among them.
            const all = await Promise.allSettled([redis.ping(), redis.evalsha(sha, 1, key, "1"), redis.ping()]);
            return all.every((each) => each.status === "fulfilled");
          } finally {
            redis.disconnect();
          }
        };
        assert.ok(await through());
        proxy.arm({ moment: "before" });
        assert.equal(await through(), false);
        assert.equal(await direct.get(key), "1");
        proxy.arm({ moment: "after" });
        assert.equal(await through(), false);
        assert.deepEqual(proxy.fired(), { kind: "count", moment: "after" });
        assert.equal(await direct.get(key), "2");
      },
    );
  } finally {
    await direct.del(key);
    direct.disconnect();
  }
});
