import assert from "node:assert/strict";
import { child, heir, job, release, success, tree } from "../jobs.ts";
import type { Case } from "./case.ts";
import { only, ttlMs, type World } from "./world.ts";

/** A session of the usual time to live that holds these freshly inserted jobs. */
async function holder(world: World, ...ids: readonly string[]) {
  const session = await world.openSession();
  await world.insert(...ids.map((id) => job(id)));
  await world.claim({ session });
  return session;
}

const both = [false, true] as const;
const afterCrash = (crash: boolean) => (crash ? ", with a crash between" : "");

export const leaseCases: readonly Case[] = [
  {
    name: "lease / renewal keeps it, expiry gives it up exactly once (15)",
    async run(world) {
      const session = await holder(world, "a");
      for (let beat = 0; beat < 5; beat += 1) {
        world.advance(ttlMs - 1);
        assert.deepEqual(await world.renew(session), { kind: "renewed" });
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
      assert.deepEqual(await world.renew(alive), { kind: "renewed" });
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
    name: "session / goodbye gives everything back at once, in its place, and counts nothing (36)",
    async run(world) {
      const session = await holder(world, "a", "b");
      await world.insert(job("later"));
      world.advance(50);
      const answer = await world.store.closeSession(session);
      assert.deepEqual([answer.count, answer.more], [2, false]);
      await world.expect({ a: "READY", b: "READY" });
      const found = await world.get("a");
      assert.deepEqual(
        [found.releaseCount, found.failureCount, found.crashCount, found.attempt, found.runAt],
        [1, 0, 0, 1, world.now - 50],
      );
      assert.deepEqual(
        found.attempts.map((each) => each.outcome),
        ["RELEASED"],
      );
      assert.deepEqual(await world.settle(world.item("a", success())), [{ kind: "lost" }]);
      assert.deepEqual(await world.renew(session), { kind: "gone" });
      assert.equal((await world.store.closeSession(session)).count, 0);
      assert.deepEqual(await world.claimIds(), ["a", "b", "later"]);
      assert.equal(world.lease("a").attempt, 2);
    },
  },
  {
    name: "session / a stale epoch closes, detaches and renews nothing (22)",
    async run(world) {
      const stale = await holder(world, "a");
      const resumed = await world.store.resumeSession({
        sessionId: stale.sessionId,
        principal: "",
        ttlMs,
        held: [{ leaseId: world.lease("a").leaseId, buffered: false }],
      });
      assert.equal(resumed.kind === "resumed" && resumed.epoch, 2);
      const before = await world.store.dump();
      assert.equal((await world.store.closeSession(stale)).count, 0);
      await world.store.detachSession({ ...stale, graceMs: 0 });
      assert.deepEqual(await world.renew(stale), { kind: "gone" });
      const claimed = await world.commit({ claim: [await world.claimItem({ session: stale })] });
      assert.deepEqual(claimed.claimed, [{ kind: "gone" }]);
      assert.deepEqual(await world.store.dump(), before);
      await world.succeed("a");
    },
  },
  {
    name: "session / detached, it ends after the grace or when it would have, whichever is earlier (22)",
    async run(world) {
      const early = await holder(world, "a");
      const late = await holder(world, "b");
      await world.store.detachSession({ ...early, graceMs: 5_000 });
      await world.store.detachSession({ ...late, graceMs: 10 * ttlMs });
      world.advance(4_999);
      await world.reap();
      await world.expect({ a: "RUNNING", b: "RUNNING" });
      world.advance(1);
      await world.reap();
      await world.expect({ a: "RETRYING", b: "RUNNING" });
      world.advance(ttlMs - 5_000);
      await world.reap();
      await world.expect({ b: "RETRYING" });
    },
  },
  {
    name: "session / resumed, it keeps what both know and answers what only one knows (22)",
    async run(world) {
      const session = await holder(world, "both", "orphan", "ended");
      await world.succeed("ended");
      const held = ["both", "ended"].map((id) => ({ leaseId: world.lease(id).leaseId, buffered: false }));
      world.advance(1_000);
      await world.store.detachSession({ ...session, graceMs: 5_000 });
      world.advance(1_000);
      const answer = await world.store.resumeSession({ sessionId: session.sessionId, principal: "", ttlMs, held });
      assert.equal(answer.kind, "resumed");
      if (answer.kind !== "resumed") return;
      assert.equal(answer.epoch, 2);
      assert.deepEqual(
        answer.kept.map((each) => [each.leaseId, each.jobId, each.sinceClaimMs, each.cancelReason, each.payloadBytes]),
        [[world.lease("both").leaseId, "both", 2_000, undefined, 4]],
      );
      assert.deepEqual(answer.lost, [world.lease("ended").leaseId]);
      await world.expect({ both: "RUNNING", orphan: "READY", ended: "COMPLETED" });
      const orphan = await world.get("orphan");
      assert.deepEqual([orphan.releaseCount, orphan.crashCount], [1, 0]);
      assert.deepEqual(await world.settle(world.item("orphan", success())), [{ kind: "lost" }]);
      world.advance(ttlMs - 1);
      await world.reap();
      await world.succeed("both");
      assert.deepEqual(await world.renew({ ...session, epoch: 2 }), { kind: "renewed" });
    },
  },
  {
    name: "session / only its principal resumes it, and only while it lives (22)",
    async run(world) {
      const session = await world.openSession({ principal: "alice" });
      await world.insert(job("a"));
      await world.claim({ session });
      const resume = (principal: string, sessionId = session.sessionId) =>
        world.store.resumeSession({ sessionId, principal, ttlMs, held: [] });
      const before = await world.store.dump();
      assert.deepEqual(await resume("bob"), { kind: "gone" });
      assert.deepEqual(await resume("alice", "nobody" as typeof session.sessionId), { kind: "gone" }); // never was
      assert.deepEqual(await world.store.dump(), before);
      world.advance(ttlMs);
      await world.reap();
      assert.deepEqual(await resume("alice"), { kind: "gone" });
    },
  },
  {
    name: "session / with its leases it survives a restart of the store (23)",
    needs: ["crash"],
    async run(world) {
      const ids = Array.from({ length: 100 }, (_, index) => `a${index}`);
      const session = await holder(world, ...ids);
      await world.crash();
      assert.deepEqual(await world.claimIds(), []);
      const held = ids.map((id) => ({ leaseId: world.lease(id).leaseId, buffered: false }));
      const answer = await world.store.resumeSession({ sessionId: session.sessionId, principal: "", ttlMs, held });
      assert.equal(answer.kind === "resumed" && answer.kept.length, 100);
      for (const id of ids) await world.succeed(id);
      assert.deepEqual(await world.claimIds(), []);
      assert.equal((await world.get("a99")).attempt, 1);
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
    name: "jpoz: a worker's goodbye and the return of its jobs are one step (56)",
    needs: ["crash"],
    async run(world) {
      const session = await holder(world, "a", "b", "c");
      await world.store.closeSession(session);
      await world.crash();
      assert.deepEqual(await world.claimIds(), ["a", "b", "c"]);
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
