import assert from "node:assert/strict";
import { job, success } from "../jobs.ts";
import type { Case } from "./case.ts";
import { holder } from "./holder.ts";
import { only, ttlMs } from "./world.ts";

const both = [false, true] as const;
const afterCrash = (crash: boolean) => (crash ? ", with a crash between" : "");

export const reapCases: readonly Case[] = [
  ...both.map(
    (crash): Case => ({
      name: `reap / never overwrites a completion, outcome first${afterCrash(crash)} (18)`,
      ...(crash && { needs: ["crash"] as const }),
      async run(world) {
        await holder(world, "a", "b");
        world.advance(ttlMs + 1);
        await world.succeed("a");
        if (crash) await world.crash();
        const answer = await world.store.reap({ max: 10, bufferedMsMax: 300_000, jitter: 0 });
        assert.equal(answer.count, 1);
        await world.expect({ a: "COMPLETED", b: "RETRYING" });
        assert.deepEqual((await world.settle(world.item("a", success())))[0]?.kind, "repeated");
      },
    }),
  ),
  ...both.map(
    (crash): Case => ({
      name: `reap / never overwrites a completion, reaper first${afterCrash(crash)} (18)`,
      ...(crash && { needs: ["crash"] as const }),
      async run(world) {
        await holder(world, "a");
        world.advance(ttlMs + 1);
        await world.reap();
        if (crash) await world.crash();
        assert.deepEqual(await world.settle(world.item("a", success())), [{ kind: "lost" }]);
        await world.expect({ a: "RETRYING" });
        world.advance(1_000);
        await world.promote();
        await world.claim();
        await world.succeed("a");
        await world.reap();
        await world.expect({ a: "COMPLETED" });
      },
    }),
  ),
  ...(["one commit", "two commits"] as const).flatMap((how) =>
    (["outcome first", "renewal first"] as const).map(
      (order): Case => ({
        name: `reap / an outcome and a late renewal, ${how}, ${order}, leave nothing to reap (18)`,
        async run(world) {
          const session = await holder(world, "a", "b");
          world.advance(ttlMs + 1);
          const settle = [world.item("a", success())];
          const renew = [{ ...session, ttlMs, buffered: [] }];
          if (how === "one commit") {
            const answer = await world.commit({ settle, renew });
            assert.deepEqual([only(answer.settled).kind, only(answer.renewed).kind], ["accepted", "renewed"]);
          } else {
            const parts = order === "outcome first" ? [{ settle }, { renew }] : [{ renew }, { settle }];
            for (const part of parts) await world.commit(part);
          }
          const answer = await world.store.reap({ max: 10, bufferedMsMax: 300_000, jitter: 0 });
          assert.deepEqual([answer.count, answer.sessions], [0, []]);
          await world.expect({ a: "COMPLETED", b: "RUNNING" });
        },
      }),
    ),
  ),
  {
    name: "reap / many leases that must stay do not starve those that must go (19)",
    async run(world) {
      const alive = await world.openSession({ ttlMs: 10 * ttlMs });
      const ended = await world.openSession();
      await world.insert(...Array.from({ length: 20 }, (_, index) => job(`live${index}`)));
      await world.claim({ session: alive });
      await world.insert(job("x"), job("y"), job("z"));
      await world.claim({ session: ended });
      world.advance(ttlMs);
      const steps: number[] = [];
      for (let more = true; more; ) {
        const answer = await world.store.reap({ max: 1, bufferedMsMax: 300_000, jitter: 0 });
        steps.push(answer.count);
        more = answer.more;
      }
      assert.equal(
        steps.reduce((sum, count) => sum + count, 0),
        3,
      );
      assert.ok(Math.max(...steps) <= 1);
      await world.expect({ x: "RETRYING", y: "RETRYING", z: "RETRYING", live0: "RUNNING", live19: "RUNNING" });
      assert.deepEqual(await world.renew(alive), { kind: "renewed", cancels: [] });
    },
  },
  {
    name: "promote / many jobs that are not due do not starve those that are (19)",
    async run(world) {
      await world.insert(...Array.from({ length: 20 }, (_, index) => job(`far${index}`, { delayMs: 1_000_000 })));
      await world.insert(...["x", "y", "z"].map((id) => job(id, { delayMs: 10 })));
      world.advance(10);
      const first = await world.store.promote({ max: 2 });
      assert.deepEqual([first.count, first.more], [2, true]);
      const second = await world.store.promote({ max: 2 });
      assert.deepEqual([second.count, second.more, second.nextInMs], [1, false, 1_000_000 - 10]);
      assert.deepEqual(await world.claimIds(), ["x", "y", "z"]);
    },
  },
  {
    name: "promote / says when the next job is due, if any is (19)",
    async run(world) {
      assert.equal((await world.store.promote({ max: 10 })).nextInMs, undefined);
      await world.insert(job("a", { delayMs: 70 }), job("b", { delayMs: 40 }));
      assert.equal((await world.store.promote({ max: 10 })).nextInMs, 40);
      world.advance(40);
      assert.equal((await world.store.promote({ max: 10 })).nextInMs, 30);
      world.advance(30);
      assert.equal((await world.store.promote({ max: 10 })).nextInMs, undefined);
    },
  },
  {
    name: "reap / what a lost session had still buffered goes back free, the rest crashed (21)",
    async run(world) {
      const session = await holder(world, "buffered", "started");
      await world.renew(session, [world.lease("buffered").leaseId]);
      world.advance(ttlMs);
      await world.reap();
      await world.expect({ buffered: "READY", started: "RETRYING" });
      const found = await world.get("buffered");
      assert.deepEqual([found.releaseCount, found.crashCount, found.failureCount], [1, 0, 0]);
      assert.equal((await world.get("started")).crashCount, 1);
    },
  },
  {
    name: "reap / the last report counts: started since then is a crash (21)",
    async run(world) {
      const session = await holder(world, "a", "b");
      await world.renew(session, [world.lease("a").leaseId, world.lease("b").leaseId]);
      await world.renew(session, [world.lease("b").leaseId]);
      world.advance(ttlMs);
      await world.reap();
      await world.expect({ a: "RETRYING", b: "READY" });
    },
  },
  {
    name: "reap / a lease that is not started for too long goes back free, its session lives on (21)",
    async run(world) {
      const session = await holder(world, "idle", "busy");
      const keep = async (ms: number) => {
        for (let left = ms; left > 0; left -= 10_000) {
          world.advance(Math.min(left, 10_000));
          await world.renew(session, [world.lease("idle").leaseId]);
        }
      };
      await keep(299_999);
      await world.reap();
      await world.expect({ idle: "RUNNING", busy: "RUNNING" });
      await keep(2);
      const answer = await world.store.reap({ max: 10, bufferedMsMax: 300_000, jitter: 0 });
      assert.deepEqual(answer.taken, [{ sessionId: session.sessionId, leaseId: world.lease("idle").leaseId }]);
      assert.deepEqual(answer.sessions, []);
      await world.expect({ idle: "READY", busy: "RUNNING" });
      assert.deepEqual(await world.settle(world.item("idle", success())), [{ kind: "lost" }]);
      await world.succeed("busy");
    },
  },
  {
    name: "jpoz: a due job is promoted once, however many ask (15)",
    async run(world) {
      await world.insert(job("a", { delayMs: 10 }));
      world.advance(10);
      const answers = await Promise.all([1, 2, 3].map(() => world.store.promote({ max: 10 })));
      assert.equal(
        answers.reduce((sum, each) => sum + each.count, 0),
        1,
      );
      const claims = await Promise.all([1, 2, 3].map(() => world.claimIds()));
      assert.deepEqual(claims.flat(), ["a"]);
    },
  },
  {
    name: "jpoz: jobs that finished do not run again when their worker is cleared away (18)",
    async run(world) {
      await holder(world, "a", "b");
      await world.succeed("a");
      await world.discard("b");
      world.advance(ttlMs);
      await world.reap();
      await world.promote();
      assert.deepEqual(await world.claimIds(), []);
      await world.expect({ a: "COMPLETED", b: "DEAD:DISCARDED" });
      assert.deepEqual([(await world.get("a")).crashCount, (await world.get("b")).crashCount], [0, 0]);
    },
  },
];
