import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { Cluster, Redis } from "ioredis";
import { shardOf } from "../../../src/store/redis/shards.ts";
import { openRedisStore } from "../../../src/store/redis/store.ts";
import { redisClusterNodes, redisUrl } from "../../servers/addresses.ts";
import type { Engine } from "../engine.ts";
import { openHandle } from "./handles.ts";

export interface RedisEngineOptions {
  readonly shards: number;
  /** The three masters of the test run's cluster instead of its one server. */
  readonly cluster?: boolean;
  /** Another server than the test run's. */
  readonly url?: () => Promise<string>;
}

const removeShard = readFileSync(new URL("./redis/remove-shard.lua", import.meta.url), "utf8");
const removeJob = readFileSync(new URL("./redis/remove-job.lua", import.meta.url), "utf8");

/** Each store in a namespace of its own, which is removed with it. */
export function redisEngine({ shards, cluster = false, url }: RedisEngineOptions): Engine {
  const findUrl = url ?? (cluster ? clusterUrl : redisUrl);
  const shardWide = "shard-wide order on several shards: a queue is the union of its shards, each in order by itself";
  return {
    name: cluster ? `redis cluster, ${shards} shards` : `redis, ${shards} ${shards === 1 ? "shard" : "shards"}`,
    lacks: shards === 1 ? {} : { shardWideOrder: shardWide },
    neighbours: (ids) => ids.map((id) => neighbourOf(ids[0] ?? id, id, shards)),
    async open(options) {
      const server = await findUrl();
      const namespace = `test-${randomBytes(8).toString("hex")}`;
      const [address = "", settings = ""] = server.split("?");
      const own = `namespace=${namespace}&shards=${shards}`;
      // A cluster's has several hosts, which is no URL to the platform.
      const location = `${address}${address.split("/").length > 3 ? "" : "/"}?${settings === "" ? "" : `${settings}&`}${own}`;
      const prefixes = Array.from({ length: shards }, (_, shard) => `{${namespace}:${shard}}:`);
      return openHandle({
        connect: () => openRedisStore(location, options),
        removeJob: (id) =>
          withClient(server, async (redis) => {
            await Promise.all(prefixes.map((prefix) => redis.eval(removeJob, 1, prefix, id)));
          }),
        remove: () =>
          withClient(server, async (redis) => {
            await Promise.all(prefixes.map((prefix) => redis.eval(removeShard, 1, prefix)));
            await redis.del(`{${namespace}}:meta`);
          }),
      });
    },
  };
}

/** An id that begins like `id`, of a root that the shard of `first` gets. */
function neighbourOf(first: string, id: string, shards: number): string {
  for (let suffix = 0; ; suffix += 1) {
    const found = suffix === 0 ? id : `${id}-${suffix}`;
    if (shardOf(found, shards) === shardOf(first, shards)) return found;
  }
}

/** In the form of a store's URL. */
async function clusterUrl(): Promise<string> {
  return `redis://${await redisClusterNodes()}/?cluster=true`;
}

/** A client of its own each time, so that none keeps the process alive. */
async function withClient(url: string, work: (redis: Redis | Cluster) => Promise<void>): Promise<void> {
  const [, hosts = ""] = /^rediss?:\/\/(?:[^@/]*@)?([^/?]*)/.exec(url) ?? [];
  const isCluster = /[?&]cluster=true/.test(url);
  const redis = isCluster
    ? new Cluster(hosts.split(",").map((host) => `redis://${host}`))
    : new Redis(url.split("?")[0] ?? url);
  try {
    await work(redis);
  } finally {
    redis.disconnect();
  }
}
