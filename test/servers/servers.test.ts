import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { Redis } from "ioredis";
import { Client } from "pg";
import { postgresUrl, redisClusterNodes, redisUrl } from "./addresses.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";
import type { TestServer } from "./test-server.ts";

test("servers / what PostgreSQL committed is there after a kill and a restart, at the same URL", async () => {
  await withServer(startPostgres(), async (server) => {
    await query(server.url, "CREATE TABLE kept AS SELECT 1 AS n");
    await server.kill();
    assert.equal(server.pid, 0);
    await server.restart();
    assert.deepEqual(await query(server.url, "SELECT n FROM kept"), [{ n: 1 }]);
  });
});

test("servers / what Redis acknowledged is there after a kill and a restart, at the same URL", async () => {
  await withServer(startRedis(), async (server) => {
    await ask(server.url, (redis) => redis.set("kept", "1"));
    await server.kill();
    await server.restart();
    assert.equal(await ask(server.url, (redis) => redis.get("kept")), "1");
  });
});

test("servers / a process that dies takes its servers with it", async () => {
  const script = `
    const { startRedis } = await import(${JSON.stringify(new URL("./redis.ts", import.meta.url).href)});
    const { pid } = await startRedis();
    const { readlinkSync } = await import("node:fs");
    console.log(pid, readlinkSync("/proc/" + pid + "/cwd"));
    setInterval(() => undefined, 1_000);`;
  const owner = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [line] = (await once(owner.stdout.setEncoding("utf8"), "data")) as [string];
  const [pid, folder] = line.trim().split(" ");
  assert.ok(existsSync(`/proc/${pid}`));
  owner.kill("SIGKILL");
  await untilGone(`/proc/${pid}`);
  await untilGone(folder ?? "");
});

test("servers / every test of a run is given the same servers, which answer", async () => {
  assert.equal(await postgresUrl(), await postgresUrl());
  assert.deepEqual(await query(await postgresUrl(), "SELECT 1 AS n"), [{ n: 1 }]);
  assert.equal(await ask(await redisUrl(), (redis) => redis.ping()), "PONG");
});

test("servers / the Redis Cluster has all its slots on three masters", async () => {
  const nodes = (await redisClusterNodes()).split(",");
  const shards = await ask(`redis://${nodes[0]}`, (redis) => redis.call("CLUSTER", "INFO"));
  assert.match(String(shards), /cluster_slots_ok:16384/);
  assert.match(String(shards), /cluster_size:3/);
});

async function withServer(starting: Promise<TestServer>, use: (server: TestServer) => Promise<void>): Promise<void> {
  const server = await starting;
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

async function query(url: string, text: string): Promise<readonly unknown[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
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

async function untilGone(path: string): Promise<void> {
  const until = performance.now() + 20_000;
  while (existsSync(path)) {
    assert.ok(performance.now() < until, `${path} is still there`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
