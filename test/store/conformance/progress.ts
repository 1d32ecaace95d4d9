import assert from "node:assert/strict";
import { job } from "../jobs.ts";
import { cancelJob, revive } from "./ask.ts";
import type { Case } from "./case.ts";
import type { World } from "./world.ts";

async function report(world: World, id: string, ...bytes: readonly number[]): Promise<void> {
  await world.store.report([{ leaseId: world.lease(id).leaseId, bytes: Uint8Array.from(bytes) }]);
}

/** Drivers may give bytes as buffers of their own kind. */
async function seen(world: World, id: string) {
  const { progress } = await world.get(id);
  return progress && { ...progress, bytes: [...progress.bytes] };
}

export const progressCases: readonly Case[] = [
  {
    name: "progress / the newest of a running job is kept, with its attempt and time, byte for byte (71, 74)",
    async run(world) {
      await world.insert(job("a"));
      assert.equal(await seen(world, "a"), undefined);
      await world.claim();
      await report(world, "a", 0, 255, 1);
      const first = await world.get("a");
      assert.deepEqual(await seen(world, "a"), { attempt: 1, bytes: [0, 255, 1], at: world.now });
      world.advance(1_000);
      await report(world, "a");
      const second = await world.get("a");
      assert.deepEqual(await seen(world, "a"), { attempt: 1, bytes: [], at: world.now });
      assert.ok(second.version > first.version);
      assert.deepEqual([second.updatedAt, second.state], [world.now, "RUNNING"]);
    },
  },
  {
    name: "progress / of the largest size stays whole; later items of a call win (74)",
    async run(world) {
      await world.insert(job("a"), job("b"));
      await world.claim();
      const large = new Uint8Array(16_384).map((_, index) => index % 251);
      const [a, b] = [world.lease("a").leaseId, world.lease("b").leaseId];
      await world.store.report([
        { leaseId: a, bytes: Uint8Array.of(1) },
        { leaseId: b, bytes: Uint8Array.of(2) },
        { leaseId: a, bytes: large },
      ]);
      assert.deepEqual((await seen(world, "a"))?.bytes, [...large]);
      assert.deepEqual((await seen(world, "b"))?.bytes, [2]);
    },
  },
  {
    name: "progress / under a lease that is not live changes nothing (16)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      await report(world, "a", 1);
      await world.fail("a", 5);
      const before = await world.get("a");
      await report(world, "a", 2);
      await world.store.report([{ leaseId: "nobody-0" as never, bytes: Uint8Array.of(3) }]); // no store made it
      assert.deepEqual(await world.get("a"), before);
    },
  },
  {
    name: "progress / stays when the attempt ends, through retries and revival, until the next report (71)",
    async run(world) {
      await world.insert(job("a", { maxAttempts: 2 }));
      await world.claim();
      await report(world, "a", 7);
      await world.fail("a", 5);
      world.advance(5);
      await world.promote();
      await world.claim();
      assert.equal((await world.get("a")).progress?.attempt, 1);
      await world.discard("a");
      await revive(world, "a");
      assert.deepEqual((await seen(world, "a"))?.bytes, [7]);
      await world.claim();
      await report(world, "a", 8);
      assert.deepEqual(await seen(world, "a"), { attempt: 3, bytes: [8], at: world.now });
    },
  },
  {
    name: "progress / can be reported by a job that was asked to stop, and survives its end (39, 71)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      await cancelJob(world, "a");
      await report(world, "a", 9);
      await world.succeed("a");
      assert.deepEqual((await seen(world, "a"))?.bytes, [9]);
    },
  },
];
