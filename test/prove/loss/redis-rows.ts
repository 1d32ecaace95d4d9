import { Redis } from "ioredis";
import { startRedis } from "../../servers/redis.ts";
import type { TestServer } from "../../servers/test-server.ts";
import type { Row, Scene } from "./scene.ts";
import { openSlowLine } from "./slow-line.ts";

type Settings = Readonly<Record<string, string>>;

export const redisRows: readonly Row[] = [
  killed("appendfsync=always", { appendfsync: "always" }, "nothing"),
  killed("appendfsync=everysec", { appendfsync: "everysec" }, "nothing"),
  killed("appendfsync=no", { appendfsync: "no" }, "nothing"),
  killed("appendonly=no", { appendonly: "no" }, "something"),
  {
    name: "Redis, maxmemory-policy=allkeys-lru: its memory is full",
    expects: "something",
    async open() {
      const server = await startRedis({ settings: { "maxmemory-policy": "allkeys-lru", maxmemory: "4mb" } });
      return {
        url: server.url,
        acksBefore: 3_000,
        strike: (writer) => writer.kill(),
        recover: async () => server.url,
        [Symbol.asyncDispose]: () => server.stop(),
      };
    },
  },
  {
    name: "Redis, a replica that lags: the master is killed, the replica promoted",
    expects: "something",
    open: () => failover("", true),
  },
  {
    name: "Redis, wait=1 with a replica: the master is killed, the replica promoted",
    expects: "nothing",
    open: () => failover("?wait=1", false),
  },
];

function killed(name: string, settings: Settings, expects: Row["expects"]): Row {
  return {
    name: `Redis, ${name}: the server is killed`,
    expects,
    async open() {
      const server = await startRedis({ settings });
      return {
        url: server.url,
        strike: () => server.kill(),
        async recover() {
          await server.restart();
          return server.url;
        },
        [Symbol.asyncDispose]: () => server.stop(),
      };
    },
  };
}

async function failover(query: string, holds: boolean): Promise<Scene> {
  const [master, replica] = await Promise.all([startRedis(), startRedis()]);
  const line = await openSlowLine(master.port);
  await ask(replica, async (client) => {
    await client.replicaof("127.0.0.1", line.port);
    for (const deadline = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
      if (/master_link_status:up/.test(await client.info("replication"))) return;
      if (Date.now() > deadline) throw new Error("the replica did not follow its master");
    }
  });
  return {
    url: `${master.url}${query}`,
    async prepare() {
      if (holds) line.hold();
    },
    strike: () => master.kill(),
    async recover() {
      await ask(replica, (client) => client.replicaof("NO", "ONE"));
      return replica.url;
    },
    async [Symbol.asyncDispose]() {
      line.close();
      await Promise.all([master.stop(), replica.stop()]);
    },
  };
}

async function ask(server: TestServer, work: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(server.url);
  try {
    await work(client);
  } finally {
    client.disconnect();
  }
}
