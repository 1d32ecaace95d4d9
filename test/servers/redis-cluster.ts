import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";
import { startRedis } from "./redis.ts";
import type { TestServer } from "./test-server.ts";

const masters = 3;
const slots = 16_384;
/** The port on which the nodes talk to each other lies this far above the one for clients. */
const busDistance = 10_000;
const joinMsMax = 30_000;

export interface TestCluster {
  /** `127.0.0.1:7000,127.0.0.1:7001,…` */
  readonly nodes: string;
  readonly servers: readonly TestServer[];
  stop(): Promise<void>;
}

/** A Redis Cluster of three masters without replicas. */
export async function startRedisCluster(): Promise<TestCluster> {
  const started: TestServer[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(started.map((each) => each.stop()));
  };
  try {
    for (let index = 0; index < masters; index += 1) {
      const settings = { "cluster-enabled": "yes", "cluster-node-timeout": "5000" };
      started.push(await startRedis({ settings, findPort: portForCluster }));
    }
    await join(started);
  } catch (error) {
    await stop();
    throw error;
  }
  return { nodes: started.map((each) => `127.0.0.1:${each.port}`).join(","), servers: started, stop };
}

async function join(servers: readonly TestServer[]): Promise<void> {
  const clients = servers.map(({ port }) => new Redis({ host: "127.0.0.1", port }));
  try {
    for (const [index, client] of clients.entries()) {
      const from = Math.floor((slots * index) / clients.length);
      const to = Math.floor((slots * (index + 1)) / clients.length) - 1;
      await client.call("CLUSTER", "ADDSLOTSRANGE", String(from), String(to));
      // Nodes of the same age would quarrel about who may serve.
      await client.call("CLUSTER", "SET-CONFIG-EPOCH", String(index + 1));
      for (const other of servers.slice(0, index)) {
        await client.call("CLUSTER", "MEET", "127.0.0.1", String(other.port));
      }
    }
    for (const until = performance.now() + joinMsMax; ; ) {
      const infos = await Promise.all(clients.map((client) => client.call("CLUSTER", "INFO")));
      const ready = (info: unknown) =>
        /cluster_state:ok/.test(String(info)) && String(info).includes(`cluster_known_nodes:${masters}`);
      if (infos.every(ready)) return;
      if (performance.now() > until)
        throw new Error(`the nodes of the Redis Cluster did not find together: ${infos[0]}`);
      await pause(50);
    }
  } finally {
    for (const client of clients) client.disconnect();
  }
}

async function portForCluster(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port + busDistance <= 65_535) return port;
  }
}
