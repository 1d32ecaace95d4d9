import assert from "node:assert/strict";
import { child, heir, job, release, success, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { holder } from "./holder.ts";
import { ttlMs } from "./world.ts";

export const leaseCases: readonly Case[] = [
  {
    name: "lease / renewal keeps it, expiry gives it up exactly once (15)",
    async run(world) {
      const session = await holder(world, "a");
      for (let beat = 0; beat < 5; beat += 1) {
        world.advance(ttlMs - 1);
        assert.deepEqual(await world.renew(session), { kind: "renewed", cancels: [] });
        await world.reap();
      }
      await world.expect({ a: "RUNNING" });
      world.advance(ttlMs);
      const answer = await world.store.reap({ max: 10, bufferedMsMax: 300_000, jitter: 0 });
      assert.deepEqual([answer.count, answer.more, answer.sessions], [1, false, [session.sessionId]]);
      await world.expect({ a: "RETRYING" });
      const before = await world.store.dump();
      const again = await world.store.reap({ max: 10, bufferedMsMax: 300_000, jitter: 0 });
      assert.deepEqual([again.count, again.more, again.sessions], [0, false, []]);
      assert.deepEqual(await world.store.dump(), before);
      const found = await world.get("a");
      assert.deepEqual([found.crashCount, found.failureCount, found.attempt], [1, 0, 1]);
      assert.equal(found.runAt, world.now + 1_000);
      assert.deepEqual(
        found.attempts.map((each) => [each.number, each.outcome, each.error?.name, each.endedAt]),
        [[1, "CRASHED", "WORKER_LOST", world.now]],
      );
    },
  },
  {
    name: "lease / a reaped session can neither renew nor claim (15)",
    async run(world) {
      const session = await holder(world, "a");
      world.advance(ttlMs);
      await world.reap();
      assert.deepEqual(await world.renew(session), { kind: "gone" });
      await world.insert(job("b"));
      const answer = await world.commit({ claim: [await world.claimItem({ session })] });
      assert.deepEqual(answer.claimed, [{ kind: "gone" }]);
      await world.expect({ b: "READY" });
    },
  },
  {
    name: "lease / an outcome after expiry is lost and changes nothing (16)",
    async run(world) {
      const session = await holder(world, "a", "b");
      world.advance(ttlMs);
      await world.reap();
      const before = await world.store.dump();
      const late = [world.item("a", success([child("c")], "late")), world.item("b", release)];
      assert.deepEqual(await world.settle(...late), [{ kind: "lost" }, { kind: "lost" }]);
      assert.deepEqual(await world.store.dump(), before);
      world.advance(1_000);
      await world.promote();
      await world.claim();
      const running = await world.store.dump();
      assert.deepEqual(await world.settle(...late), [{ kind: "lost" }, { kind: "lost" }]);
      assert.deepEqual(await world.store.dump(), running);
      assert.equal((await world.renew(session)).kind, "gone");
      await world.succeed("a");
      assert.deepEqual(await world.settle(...late), [{ kind: "lost" }, { kind: "lost" }]);
      assert.equal((await world.get("a")).attempt, 2);
    },
  },
  {
    name: "lease / an unknown lease is lost (16)",
    async run(world) {
      await world.insert(job("a"));
      await world.claim();
      const lease = world.lease("a");
      const forged = { ...lease, leaseId: `${lease.leaseId}0` as typeof lease.leaseId }; // an id that never was
      assert.deepEqual(await world.settle(world.item(forged, success())), [{ kind: "lost" }]);
      await world.expect({ a: "RUNNING" });
    },
  },
  {
    name: "lease / crashes have a limit of their own, apart from attempts (17)",
    async run(world) {
      await world.insert(job("a", { maxAttempts: 1 }));
      for (const expected of ["RETRYING", "RETRYING", "DEAD:CRASH_LIMIT"]) {
        world.advance(600_000);
        await world.promote();
        const session = await world.openSession();
        await world.claim({ session });
        world.advance(ttlMs);
        await world.reap();
        assert.equal(await world.state("a"), expected);
      }
      const found = await world.get("a");
      assert.deepEqual([found.crashCount, found.failureCount, found.attempt], [3, 0, 3]);
      assert.deepEqual(
        found.attempts.map((each) => each.outcome),
        ["CRASHED", "CRASHED", "CRASHED"],
      );
    },
  },
  {
    name: "lease / failures do not count as crashes, nor crashes as failures (17)",
    async run(world) {
      await world.insert(job("a", { maxAttempts: 3 }));
      for (let round = 0; round < 2; round += 1) {
        const session = await world.openSession();
        await world.claim({ session });
        await world.fail("a");
        world.advance(600_000);
        await world.promote();
        await world.claim({ session: await world.openSession() });
        world.advance(ttlMs);
        await world.reap();
        assert.equal(await world.state("a"), "RETRYING");
        world.advance(600_000);
        await world.promote();
      }
      const found = await world.get("a");
      assert.deepEqual([found.failureCount, found.crashCount, found.attempt], [2, 2, 4]);
    },
  },
  {
    name: "jpoz: a restart counts, so a crash loop ends (17)",
    needs: ["crash"],
    async run(world) {
      await world.insert(job("a"));
      for (let round = 0; round < 3; round += 1) {
        world.advance(600_000);
        await world.promote();
        assert.deepEqual(await world.claimIds({ session: await world.openSession() }), ["a"]);
        await world.crash();
        world.advance(ttlMs);
        await world.reap();
      }
      await world.expect({ a: "DEAD:CRASH_LIMIT" });
    },
  },
  ...(
    [
      ["FAIL", "READY", "CANCELLED:DEPENDENCY_FAILED", "DEAD:CHAIN_FAILED"],
      ["IGNORE", "READY", "COMPLETED", "COMPLETED"],
      ["FAIL_FAST", "CANCELLED:SIBLING_FAILED", "CANCELLED:DEPENDENCY_FAILED", "DEAD:CHAIN_FAILED"],
    ] as const
  ).map(
    ([policy, sibling, heirState, parent]): Case => ({
      name: `lease / a child lost at its crash limit obeys its policy ${policy} (20)`,
      async run(world) {
        await world.store.updateQueue(job("x", { queue: "fragile" }).queue, { crashLimit: 1 });
        await world.insert(job("p"));
        await world.claim();
        await world.succeed("p", [child("c", { policy, queue: "fragile" }), child("s"), heir("h")]);
        const session = await world.openSession();
        await world.claim({ session, lanes: [{ queue: "fragile" }] });
        world.advance(ttlMs);
        await world.reap();
        await world.upkeep();
        await world.expect({ c: "DEAD:CRASH_LIMIT", s: sibling });
        await world.drain();
        await world.upkeep();
        await world.expect({ h: heirState, p: parent });
      },
    }),
  ),
  {
    name: "jpoz: a worker that was paused comes back late and counts for nothing (16)",
    async run(world) {
      await holder(world, "a");
      const late = world.item("a", success([], "first"));
      world.advance(ttlMs);
      await world.reap();
      world.advance(1_000);
      await world.promote();
      await world.claim();
      assert.deepEqual(await world.settle(late), [{ kind: "lost" }]);
      await world.succeed("a", [], "second");
      assert.deepEqual(await world.settle(late), [{ kind: "lost" }]);
      assert.equal(new TextDecoder().decode((await world.get("a")).result?.bytes), "second");
    },
  },
  {
    name: "jpoz: taking a job and recording it is one step, a crash loses nothing (56)",
    needs: ["crash"],
    async run(world) {
      const session = await holder(world, "a");
      await world.crash();
      await world.expect({ a: "RUNNING" });
      world.advance(ttlMs);
      await world.reap();
      world.advance(1_000);
      await world.promote();
      assert.deepEqual(await world.claimIds(), ["a"]);
      assert.deepEqual(await world.renew(session), { kind: "gone" });
    },
  },
  {
    name: "lease / a static child is never leased before its parent ran (48)",
    async run(world) {
      await world.insert(tree(job("p"), child("c", { priority: 9 }), heir("h", { priority: 9 })));
      assert.deepEqual(await world.claimIds(), ["p"]);
      await world.release("p");
      await world.expect({ c: "HELD:PARENT", h: "HELD:BARRIER" });
      assert.deepEqual(await world.claimIds(), ["p"]);
    },
  },
];
