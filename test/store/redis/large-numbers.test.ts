import assert from "node:assert/strict";
import { test } from "node:test";
import { Redis } from "ioredis";
import { shardPrefix } from "../../../src/store/redis/keys.ts";
import { redisUrl } from "../../servers/addresses.ts";
import { openWorld } from "../conformance/world.ts";
import type { Engine } from "../engine.ts";
import { redisEngine } from "../engines/redis.ts";
import { child, heir, job, release, success, tree } from "../jobs.ts";

const over = 2 ** 31 + 7;

/** Stores whose first job gets the number after this one, as if all before had been there and gone. */
function engineAfter(number: number): Engine {
  const engine = redisEngine({ shards: 1, url: redisUrl });
  return {
    ...engine,
    async open(options) {
      const opened = await engine.open(options);
      const [, namespace = ""] = /\(namespace (.*)\)/.exec(opened.store.description.location) ?? [];
      const redis = new Redis(await redisUrl());
      const prefix = shardPrefix(namespace, 0);
      await redis.hset(`${prefix}meta`, { job: number, low: number + 1 });
      return {
        ...opened,
        // What the engine removes it finds by counting from 1.
        async discard() {
          await redis.del(...(await redis.keys(`${prefix}*`)));
          redis.disconnect();
          await opened.discard();
        },
      };
    },
  };
}

test("redis numbers / all verbs work when more than 2^31 jobs were ever there (73)", async () => {
  const world = await openWorld(engineAfter(over));
  try {
    const { store } = world;
    await world.insert(job("plain"), tree(job("root"), child("child", { key: "one" }), heir("heir")));
    assert.deepEqual([...(await world.claimIds())].sort(), ["plain", "root"]);
    await world.end("plain", release);
    await world.succeed("root", [child("declared")]);
    await world.drain(() => success([], "done"));
    await world.expect({ plain: "COMPLETED", root: "COMPLETED", child: "COMPLETED", heir: "COMPLETED" });
    const page = await store.listJobs({ states: [], includeChainFailed: true }, { size: 2 });
    assert.equal(page.items.length, 2);
    const next = await store.listJobs({ states: [], includeChainFailed: true }, { size: 10, cursor: page.cursor });
    assert.deepEqual([next.items.length, next.cursor], [3, undefined]);
    const chain = await store.getChain(job("root").id, { depthMax: 10, size: 1 });
    assert.notEqual(chain?.cursor, undefined);
    world.advance(2 * 86_400_000);
    assert.equal((await store.prune({ max: 100 })).count, 5);
    assert.deepEqual((await store.dump()).jobs, []);
    assert.deepEqual(await world.insert(job("plain")), ["plain"], "what is remembered is found");
  } finally {
    await world.close();
  }
});
