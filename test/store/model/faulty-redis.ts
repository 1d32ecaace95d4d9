import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import type { ScriptName } from "../../../src/store/redis/connection.ts";
import { scriptPieces, scriptSource } from "../../../src/store/redis/script-pieces.ts";
import { startFaultProxy } from "../../servers/proxy/fault-proxy.ts";
import { redisWire } from "../../servers/proxy/redis-wire.ts";
import { startRedis } from "../../servers/redis.ts";
import { redisEngine } from "../engines/redis.ts";
import type { FaultyEngine } from "./fault.ts";
import { faultyEngine } from "./faulty-engine.ts";

/** Scripts that do not what a verb says, but make it possible. */
const preparing: readonly string[] = ["reserve", "turn", "namespace", "probe"];

/** Redis, one shard, behind a proxy that cuts connections; on a server of its own, since scripts that are flushed are gone for all who use it. */
export async function faultyRedis(): Promise<FaultyEngine> {
  const server = await startRedis();
  const direct = new Redis(server.url);
  const names = scriptNames();
  const proxy = await startFaultProxy(
    server.url,
    redisWire((sha) => names.get(sha)),
  );
  const disturbed = faultyEngine({
    engine: redisEngine({ shards: 1, url: async () => proxy.url }),
    proxy,
    preparing,
    flush: async () => {
      await direct.script("FLUSH");
    },
  });
  return {
    ...disturbed,
    close: async () => {
      await proxy.close();
      direct.disconnect();
      await server.stop();
    },
  };
}

/** By their hash. */
function scriptNames(): ReadonlyMap<string, string> {
  const names = Object.keys(scriptPieces) as ScriptName[]; // the keys of this table are the names
  return new Map(names.map((name) => [createHash("sha1").update(scriptSource(name)).digest("hex"), name]));
}
