import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Redis } from "ioredis";
import { scriptPieces } from "../../../src/store/redis/script-pieces.ts";
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

/** By their hash; put together as the driver does it. */
function scriptNames(): ReadonlyMap<string, string> {
  const folder = new URL("../../../src/store/redis/lua/", import.meta.url);
  const entries = Object.entries(scriptPieces).map(([name, pieces]) => {
    const source = pieces.map((piece) => readFileSync(new URL(`${piece}.lua`, folder), "utf8")).join("\n");
    return [createHash("sha1").update(source).digest("hex"), name] as const;
  });
  return new Map(entries);
}
