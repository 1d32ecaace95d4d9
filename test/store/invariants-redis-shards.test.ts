import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { redisEngine } from "./engines/redis.ts";
import { playAlone } from "./model/play-alone.ts";

const sequences = 40;
const atATime = 4;

test(`invariants / hold at every step of ${sequences} random sequences on sixteen shards, which all come to their end`, async (t) => {
  const first = Number(process.env.CONVEYOR_SEED ?? randomInt(2 ** 31));
  const seeds = Array.from({ length: sequences }, (_, index) => first + index);
  const engine = redisEngine({ shards: 16 });
  const lane = async (): Promise<void> => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const wrong = await playAlone(engine, seed);
      assert.equal(
        wrong,
        undefined,
        `again: CONVEYOR_SEED=${seed} npm test -- test/store/invariants-redis-shards.test.ts`,
      );
    }
  };
  await Promise.all(Array.from({ length: atATime }, lane));
  t.diagnostic(`seeds from ${first}`);
});
