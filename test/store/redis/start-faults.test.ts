import assert from "node:assert/strict";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { test } from "node:test";
import { Redis } from "ioredis";
import { serverProblem } from "../../../src/store/redis/check-server.ts";
import type { ServerFacts } from "../../../src/store/redis/server-facts.ts";
import { parseUrl } from "../../../src/store/redis/store-url.ts";
import { redisClusterNodes, redisUrl } from "../../servers/addresses.ts";
import { ownUrl, refused, withServer, withStore } from "./world.ts";

/** The URL with these credentials. */
function as(url: string, user: string, password: string): string {
  return url.replace("redis://", `redis://${user}:${password}@`);
}

async function withUser(rules: readonly string[], work: (url: string) => Promise<void>): Promise<void> {
  const url = await redisUrl();
  const redis = new Redis(url);
  const user = `user-${Math.random().toString(36).slice(2)}`;
  try {
    await redis.call("ACL", "SETUSER", user, "on", ">secret", ...rules);
    await work(as(url, user, "secret"));
  } finally {
    await redis.call("ACL", "DELUSER", user);
    redis.disconnect();
  }
}

test("redis start / nobody listens there, and what listens is no Redis", async () => {
  await refused("redis://me:secret@127.0.0.1:1/", "STORE_UNAVAILABLE", /127\.0\.0\.1:1.*ECONNREFUSED/);
  await refused("redis://me:secret@no-such-host.invalid/", "STORE_UNAVAILABLE", /host name is not known/);
  await using other = await listening(createServer((_, answer) => answer.end("hello")));
  await refused(
    `redis://127.0.0.1:${other.port}/`,
    "STORE_UNAVAILABLE",
    /does not speak the Redis protocol|cannot be reached/,
  );
});

test("redis start / a server that accepts and says nothing is given up in time", async () => {
  await using silent = await listening(createTcpServer(() => undefined));
  const startedAt = performance.now();
  await refused(
    `redis://:secret@127.0.0.1:${silent.port}/?connect_timeout=300ms`,
    "STORE_UNAVAILABLE",
    /lost|reached|timed/,
  );
  assert.ok(performance.now() - startedAt < 8_000);
});

test("redis start / a wrong password, a user without rights, keys that are not its own", async () => {
  await refused(as(await redisUrl(), "nobody", "secret"), "STORE_DENIED", /WRONGPASS/);
  await withUser(["allkeys", "+@all", "-zadd", "-hdel", "allchannels"], async (url) => {
    await refused(ownUrl(url), "STORE_DENIED", /HDEL, ZADD.*ACL SETUSER/);
  });
  await withUser(["~{else}*", "+@all", "allchannels"], (url) => refused(ownUrl(url), "STORE_DENIED", /NOPERM/));
  await withUser(["allkeys", "+@all", "-info"], (url) => refused(ownUrl(url), "STORE_DENIED", /info/i));
});

test("redis start / what a user needs is no more than the docs say, and CONFIG may be forbidden", async () => {
  const rules = ["~{test-*", "&test-*", "+@all", "-@dangerous", "-@admin", "+info"];
  await withUser(rules, async (url) => {
    await withStore(ownUrl(url), async (store) => {
      assert.match(store.description.durability, /appendfsync.*does not tell/);
      assert.doesNotMatch(store.description.location, /secret/);
      assert.ok((await store.readTime()) > 0);
    });
  });
});

test("redis start / a database that is not there", async () => {
  await refused(`${await redisUrl()}/999`, "INVALID_OPTION", /no database of that number/);
});

test("redis start / settings that can lose what was acknowledged, unless they are allowed", async () => {
  await withServer({}, async ({ server, redis }) => {
    await redis.config("SET", "maxmemory-policy", "allkeys-lru", "maxmemory", "100mb");
    await refused(ownUrl(server.url), "STORE_LOSSY", /drops keys.*allkeys-lru.*--allow-lossy/);
    await withStore(
      ownUrl(server.url),
      async ({ description }) => assert.match(description.durability, /can lose/),
      true,
    );
    await redis.config("SET", "maxmemory-policy", "noeviction");
    await withStore(ownUrl(server.url), async ({ description }) => {
      assert.match(description.durability, /on the server's disk.*appendfsync=always/);
    });
    await redis.config("SET", "no-appendfsync-on-rewrite", "yes");
    await withStore(ownUrl(server.url), async ({ description }) => {
      assert.match(description.durability, /power cut.*no-appendfsync-on-rewrite/);
    });
    await redis.config("SET", "appendfsync", "everysec");
    await withStore(ownUrl(server.url), async ({ description }) => assert.match(description.durability, /last second/));
    await redis.config("SET", "appendfsync", "no");
    await refused(ownUrl(server.url), "STORE_LOSSY", /appendfsync always or everysec/);
    await redis.config("SET", "appendonly", "no");
    await refused(ownUrl(server.url), "STORE_LOSSY", /append-only file is off/);
  });
});

test("redis start / a replica", async () => {
  await withServer({}, async ({ server, redis }) => {
    await redis.call("REPLICAOF", "127.0.0.1", "1");
    await refused(ownUrl(server.url), "STORE_READ_ONLY", /replica.*master/);
  });
});

test("redis start / a namespace of a newer layout, of another number of shards, of another program", async () => {
  await withServer({}, async ({ server, redis }) => {
    const url = `${server.url}/?namespace=jobs`;
    await withStore(`${url}&shards=4`, async () => undefined);
    await withStore(url, async (store) => assert.deepEqual((await store.dump()).jobs, []));
    await refused(`${url}&shards=5`, "INVALID_OPTION", /has 4 shards.*cannot have 5/);
    await redis.hset("{jobs}:meta", "layout", 2);
    await refused(url, "STORE_TOO_NEW", /layout 2.*update/);
    await redis.set("{other}:meta", "mine");
    await refused(`${server.url}/?namespace=other`, "STORE_CORRUPT", /another program.*namespace=/);
    await redis.hset("{strange}:meta", "a", "b");
    await refused(`${server.url}/?namespace=strange`, "STORE_CORRUPT", /another program/);
  });
});

test("redis start / cluster=true and a server that is none, and the other way round", async () => {
  await refused(`${await redisUrl()}/?cluster=true`, "INVALID_OPTION", /no cluster/);
  const [node = ""] = (await redisClusterNodes()).split(",");
  await refused(`redis://${node}/`, "INVALID_OPTION", /cluster=true/);
});

test("redis start / a server that is too old, and one that is loading", () => {
  const facts: ServerFacts = {
    runId: "one",
    version: "7.0.15",
    isMaster: true,
    isCluster: false,
    isLoading: false,
    replicas: 0,
    maxMemory: 0,
    evictionPolicy: "noeviction",
    appendOnly: true,
    appendFsync: "always",
    skipsFsync: false,
    unknown: [],
  };
  const check = (some: Partial<ServerFacts>) =>
    serverProblem({ ...facts, ...some }, { settings: parseUrl("redis://h"), allowLossy: false, location: "redis://h" });
  assert.equal(check({}), undefined);
  assert.equal(check({ version: "6.2.0" }), undefined);
  assert.equal(check({ version: "6.0.16" })?.code, "STORE_TOO_OLD");
  assert.match(check({ version: "5.0.7" })?.message ?? "", /5\.0\.7.*6\.2.*update/);
  assert.equal(check({ isLoading: true })?.code, "STORE_UNAVAILABLE");
  // Nothing is ever evicted where there is no bound.
  assert.equal(check({ evictionPolicy: "allkeys-lru" }), undefined);
});

async function listening(
  server: ReturnType<typeof createTcpServer>,
): Promise<{ readonly port: number; [Symbol.asyncDispose](): Promise<void> }> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const open = new Set<{ destroy(): unknown }>();
  server.on("connection", (socket) => open.add(socket));
  const { port } = server.address() as AddressInfo; // a TCP server has one
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
