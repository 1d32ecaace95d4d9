import assert from "node:assert/strict";
import { job, success } from "../jobs.ts";
import type { Case } from "./case.ts";
import { holder } from "./holder.ts";
import { ttlMs } from "./world.ts";

export const sessionCases: readonly Case[] = [
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
      assert.deepEqual(await world.renew({ ...session, epoch: 2 }), { kind: "renewed", cancels: [] });
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
    name: "jpoz: a worker's goodbye and the return of its jobs are one step (56)",
    needs: ["crash"],
    async run(world) {
      const session = await holder(world, "a", "b", "c");
      await world.store.closeSession(session);
      await world.crash();
      assert.deepEqual(await world.claimIds(), ["a", "b", "c"]);
    },
  },
];
