import assert from "node:assert/strict";
import { job, success } from "../jobs.ts";
import type { Case } from "./case.ts";
import { only, type World } from "./world.ts";

const many = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => job(`${prefix}${index}`));
const ids = (leases: readonly { readonly jobId: string }[]) => leases.map((lease) => lease.jobId);

/** Two sessions claim what there is, in one commit or in two; answers the leases of each. */
async function race(world: World, how: "one commit" | "two commits", order: "ab" | "ba", crash: boolean) {
  const a = await world.openSession();
  const b = await world.openSession();
  const sessions = order === "ab" ? [a, b] : [b, a];
  const [first, second] = await Promise.all(sessions.map((session) => world.claimItem({ session, jobsMax: 7 })));
  assert.ok(first && second);
  if (how === "one commit") {
    const answer = await world.commit({ claim: [first, second] });
    if (crash) await world.crash();
    return answer.claimed.map((each) => ids(world.take(each)));
  }
  const one = ids(world.take(only((await world.commit({ claim: [first] })).claimed)));
  if (crash) await world.crash();
  return [one, ids(world.take(only((await world.commit({ claim: [second] })).claimed)))];
}

export const claimCases: readonly Case[] = [
  {
    name: "claim / respects the limit of the claim and of each lane (8)",
    needs: ["shardWideOrder"],
    async run(world) {
      await world.insert(...many("a", 5), job("x", { queue: "mail" }), job("y", { queue: "mail" }));
      const leases = await world.claim({
        jobsMax: 4,
        lanes: [{ jobsMax: 2 }, { queue: "mail", jobsMax: 5 }],
      });
      assert.deepEqual(ids(leases), ["a0", "a1", "x", "y"]);
      assert.deepEqual(await world.claimIds({ jobsMax: 1 }), ["a2"]);
      assert.deepEqual(await world.claimIds({ jobsMax: 0 }), []);
    },
  },
  {
    name: "claim / takes only the queues and types that were named (8)",
    async run(world) {
      await world.insert(
        job("a", { type: "test.v1.A" }),
        job("b", { type: "test.v1.B" }),
        job("c", { type: "test.v1.A", queue: "mail" }),
        job("d", { type: "test.v1.B", queue: "mail" }),
      );
      assert.deepEqual(await world.claimIds({ lanes: [{ queue: "mail", types: ["test.v1.A"] }] }), ["c"]);
      assert.deepEqual(await world.claimIds({ lanes: [{ types: ["test.v1.B", "test.v1.Unknown"] }] }), ["b"]);
      assert.deepEqual(await world.claimIds({ lanes: [{ queue: "nowhere" }] }), []);
      await world.expect({ a: "READY", b: "RUNNING", c: "RUNNING", d: "READY" });
    },
  },
  {
    name: "claim / higher priority first, over the whole int32, then run time (8)",
    needs: ["shardWideOrder"],
    async run(world) {
      await world.insert(job("late", { delayMs: 2 }), job("early", { delayMs: 1 }));
      await world.insert(
        job("low", { priority: -(2 ** 31) }),
        job("none"),
        job("high", { priority: 2 ** 31 - 1 }),
        job("minus", { priority: -1 }),
        job("one", { priority: 1 }),
      );
      world.advance(5);
      await world.promote();
      assert.deepEqual(await world.claimIds(), ["high", "one", "none", "early", "late", "minus", "low"]);
    },
  },
  {
    name: "claim / takes nothing before its run time (8)",
    async run(world) {
      await world.insert(job("later", { delayMs: 1_000 }));
      world.advance(999);
      assert.equal((await world.store.promote({ max: 10 })).count, 0);
      assert.deepEqual(await world.claimIds(), []);
      world.advance(1);
      const answer = await world.store.promote({ max: 10 });
      assert.deepEqual([answer.count, answer.more, answer.effects.readied.length], [1, false, 1]);
      assert.deepEqual(await world.claimIds(), ["later"]);
    },
  },
  {
    name: "claim / stops before exceeding its bytes but takes at least one (8)",
    needs: ["shardWideOrder"],
    async run(world) {
      await world.insert(job("big", { payload: "x".repeat(100) }));
      await world.insert(...["a", "b", "c"].map((id) => job(id, { payload: "x".repeat(10) })));
      assert.deepEqual(await world.claimIds({ bytesMax: 5 }), ["big"]);
      assert.deepEqual(await world.claimIds({ bytesMax: 29 }), ["a", "b"]);
      assert.deepEqual(await world.claimIds({ bytesMax: 10 }), ["c"]);
    },
  },
  {
    name: "claim / first in, first out within a priority, over commits, items, trees and types (9)",
    needs: ["shardWideOrder"],
    async run(world) {
      const expected: string[] = [];
      for (let commit = 0; commit < 5; commit += 1) {
        const jobs = [0, 1, 2].map((item) => job(`j${commit}-${item}`, { type: `test.v1.T${(commit + item) % 2}` }));
        await world.insert(...jobs);
        const together = [3, 4].map((item) => job(`j${commit}-${item}`, { type: "test.v1.T0" }));
        await world.insertTogether(...together);
        expected.push(...[...jobs, ...together].map((each) => each.id));
      }
      assert.deepEqual(await world.claimIds({ jobsMax: 7 }), expected.slice(0, 7));
      assert.deepEqual(await world.claimIds(), expected.slice(7));
    },
  },
  {
    name: "claim / never hands one job to two workers under many concurrent claims (10)",
    async run(world) {
      await world.insert(...many("a", 300));
      const sessions = await Promise.all(Array.from({ length: 12 }, () => world.openSession()));
      const taken: string[] = [];
      const leaseIds = new Set<string>();
      const work = sessions.map(async (session) => {
        for (;;) {
          const leases = await world.claim({ session, jobsMax: 5 });
          if (leases.length === 0) return;
          for (const lease of leases) leaseIds.add(lease.leaseId);
          taken.push(...ids(leases));
          await world.settle(...leases.map((lease) => world.item(lease, success())));
        }
      });
      await Promise.all(work);
      assert.equal(taken.length, 300);
      assert.equal(new Set(taken).size, 300);
      assert.equal(leaseIds.size, 300);
    },
  },
  ...(["one commit", "two commits"] as const).flatMap((how) =>
    (["ab", "ba"] as const).map(
      (order): Case => ({
        name: `claim / two workers share without overlap, ${how}, order ${order} (10)`,
        needs: ["shardWideOrder"],
        async run(world) {
          await world.insert(...many("a", 10));
          const taken = await race(world, how, order, false);
          assert.deepEqual(taken, [
            ["a0", "a1", "a2", "a3", "a4", "a5", "a6"],
            ["a7", "a8", "a9"],
          ]);
        },
      }),
    ),
  ),
  ...(["one commit", "two commits"] as const).flatMap((how) =>
    (["ab", "ba"] as const).map(
      (order): Case => ({
        name: `claim / a job once handed out is not handed out again after a crash, ${how}, order ${order} (10)`,
        needs: ["crash"],
        async run(world) {
          await world.insert(...many("a", 10));
          const taken = world.inOrder((await race(world, how, order, true)).flat());
          assert.deepEqual(
            taken,
            Array.from({ length: 10 }, (_, index) => `a${index}`),
          );
          assert.deepEqual(await world.claimIds(), []);
          await world.succeed("a0");
          await world.succeed("a9");
          await world.expect({ a0: "COMPLETED", a5: "RUNNING", a9: "COMPLETED" });
        },
      }),
    ),
  ),
  {
    name: "claim / skips a paused queue until it is resumed (11)",
    async run(world) {
      await world.insert(job("a", { queue: "mail" }), job("b"));
      const queue = job("a", { queue: "mail" }).queue;
      await world.store.updateQueue(queue, { paused: true });
      assert.deepEqual(await world.claimIds(), ["b"]);
      await world.insert(job("c", { queue: "mail" }));
      assert.deepEqual(await world.claimIds(), []);
      await world.expect({ a: "READY", c: "READY" });
      await world.store.updateQueue(queue, { paused: false });
      assert.deepEqual(await world.claimIds(), ["a", "c"]);
    },
  },
  {
    name: "claim / a type that nobody handles stays ready and holds up nobody (12)",
    async run(world) {
      await world.insert(...Array.from({ length: 50 }, (_, index) => job(`odd${index}`, { type: "test.v1.Odd" })));
      await world.insert(...many("a", 3));
      assert.deepEqual(await world.claimIds({ lanes: [{}], jobsMax: 3 }), ["a0", "a1", "a2"]);
      world.advance(24 * 3_600_000);
      await world.promote();
      await world.reap();
      await world.expect({ odd0: "READY", odd49: "READY" });
      assert.equal((await world.get("odd0")).attempt, 0);
      assert.equal((await world.claim({ lanes: [{ types: ["test.v1.Odd"] }] })).length, 50);
    },
  },
  {
    name: "claim / new jobs never overtake the backlog, not even in the commit that inserts them (14)",
    needs: ["shardWideOrder"],
    async run(world) {
      await world.insert(...many("old", 3));
      world.advance(10);
      const fresh = job("fresh", { at: world.now - 1_000 });
      const answer = await world.commit({
        insert: [{ trees: [{ root: fresh, nodes: [] }] }],
        claim: [await world.claimItem({ jobsMax: 3, lanes: [{}] })],
      });
      assert.deepEqual(ids(world.take(only(answer.claimed))), ["old0", "old1", "old2"]);
      assert.deepEqual(await world.claimIds(), ["fresh"]);
    },
  },
  {
    name: "claim / a job inserted in the same commit can be claimed there (14)",
    async run(world) {
      const answer = await world.commit({
        insert: [{ trees: [{ root: job("a"), nodes: [] }] }],
        claim: [await world.claimItem({ lanes: [{}] })],
      });
      assert.deepEqual(ids(world.take(only(answer.claimed))), ["a"]);
      await world.succeed("a");
      await world.expect({ a: "COMPLETED" });
    },
  },
  {
    name: "claim / a stale, unknown or closed session gets nothing (16)",
    async run(world) {
      await world.insert(job("a"));
      const session = await world.openSession();
      const kinds = async (epoch: number, sessionId = session.sessionId) => {
        const answer = await world.commit({ claim: [await world.claimItem({ session: { sessionId, epoch } })] });
        return only(answer.claimed).kind;
      };
      assert.equal(await kinds(2), "gone");
      assert.equal(await kinds(0), "gone");
      assert.equal(await kinds(1, "nobody" as typeof session.sessionId), "gone"); // a session that never was
      await world.store.closeSession(session);
      assert.equal(await kinds(1), "gone");
      await world.expect({ a: "READY" });
      assert.equal((await world.get("a")).attempt, 0);
    },
  },
  {
    name: "claim / a lease carries what its handler needs (8)",
    async run(world) {
      await world.insert(job("a", { payload: "hello", metadata: { k: "v" }, priority: 3, queue: "mail" }));
      world.advance(7);
      const lease = only(await world.claim());
      const { leaseId, payload, ...rest } = lease;
      assert.ok(leaseId.length > 0);
      assert.equal(new TextDecoder().decode(payload.bytes), "hello");
      assert.deepEqual(rest, {
        jobId: "a",
        queue: "mail",
        attempt: 1,
        timeoutMs: 30 * 60_000,
        maxAttempts: 5,
        failureCount: 0,
        priority: 3,
        rootId: "a",
        parentId: undefined,
        role: "ROOT",
        depth: 0,
        key: "",
        metadata: { k: "v" },
        createdAt: world.now - 7,
      });
      const running = only((await world.get("a")).attempts);
      assert.deepEqual(
        [running.number, running.outcome, running.worker, running.claimedAt, running.endedAt],
        [1, undefined, "worker-1", world.now, undefined],
      );
    },
  },
];
