import assert from "node:assert/strict";
import type { SessionId } from "../../../src/core/names.ts";
import type { JobStatus } from "../../../src/store/query.ts";
import { cancel, child, job, success } from "../jobs.ts";
import type { Case } from "./case.ts";
import { declare } from "./declare.ts";
import { cancelRequested } from "./fail-fast-family.ts";
import { only, ttlMs, type World } from "./world.ts";

async function claimTwice(world: World, between: () => Promise<unknown> = async () => undefined) {
  const item = await world.claimItem({ session: await world.openSession() });
  const first = only((await world.commit({ claim: [item] })).claimed);
  await between();
  const second = only((await world.commit({ claim: [{ ...item, again: true }] })).claimed);
  return { item, first, second };
}

/** What is said and heard again when answers or hints were lost. */
export const repeatCases: readonly Case[] = [
  {
    name: "claim again / leases that a claim made before its answer was lost are answered, and nothing more is claimed (10, 21)",
    async run(world) {
      await world.insert(
        job("a", { payload: "hello", metadata: { k: "v" }, priority: 3 }),
        job("b", { queue: "mail", timeoutMs: 1_234 }),
      );
      await declare(world, "p", child("c", { key: "k" }));
      const { first, second } = await claimTwice(world, () => world.insert(job("late")));
      const byJob = (leases: ReturnType<World["take"]>) => [...leases].sort((x, y) => (x.jobId < y.jobId ? -1 : 1));
      assert.equal(world.take(first).length, 1);
      assert.deepEqual(byJob(world.take(second)), byJob(world.take(first)));
      await world.expect({ late: "READY" });
      await world.succeed("c");
      await world.expect({ c: "COMPLETED" });
    },
  },
  {
    name: "claim again / answers in the order of insertion, each lease as it was (10)",
    needs: ["shardWideOrder"],
    async run(world) {
      await world.insert(
        job("low", { payload: "hello", metadata: { k: "v" } }),
        job("mail", { queue: "mail", timeoutMs: 1_234 }),
        job("high", { priority: 3 }),
      );
      const { first, second } = await claimTwice(world);
      const leases = world.take(first);
      const order = ["low", "mail", "high"].map((id) => leases.find((each) => each.jobId === id));
      assert.deepEqual(world.take(second), order);
      assert.equal((await world.get("high")).attempt, 1);
    },
  },
  {
    name: "claim again / only what is still held is answered (10, 24)",
    async run(world) {
      await world.insert(job("a"), job("b"), job("c"));
      const { second } = await claimTwice(world, async () => {
        const dump = await world.store.dump();
        const leaseId = dump.jobs.find((each) => each.id === "b")?.leaseId;
        assert.ok(leaseId);
        const item = { leaseId, outcome: success(), sent: "success", jitter: 0 } as const;
        await world.settle(item);
        await world.insert(job("d"));
      });
      assert.deepEqual(world.inOrder(world.take(second).map((lease) => lease.jobId)), ["a", "c"]);
      await world.expect({ b: "COMPLETED", d: "READY" });
    },
  },
  {
    name: "claim again / one that never arrived claims as usual (10)",
    async run(world) {
      await world.insert(job("a"), job("b"));
      const item = await world.claimItem({ jobsMax: 1 });
      const answer = await world.commit({ claim: [{ ...item, again: true }] });
      assert.deepEqual(
        world.take(only(answer.claimed)).map((lease) => lease.jobId),
        ["a"],
      );
      await world.expect({ a: "RUNNING", b: "READY" });
    },
  },
  {
    name: "claim again / leases of other claims of the session are not answered (10)",
    async run(world) {
      const session = await world.openSession();
      await world.insert(job("a"));
      await world.claim({ session, jobsMax: 1 });
      await world.insert(job("b"));
      const mine = await world.claimItem({ session, jobsMax: 1 });
      const like = await world.claimItem({ session, jobsMax: 1 });
      await world.commit({ claim: [mine] });
      await world.insert(job("c"));
      const again = async (nonce: string) => {
        const answer = await world.commit({ claim: [{ ...mine, nonce, again: true }] });
        return world.take(only(answer.claimed)).map((lease) => lease.jobId);
      };
      assert.deepEqual(await again(mine.nonce), ["b"]);
      assert.deepEqual(await again(mine.nonce.slice(0, -1)), ["c"]);
      assert.deepEqual(await again(like.nonce), []);
    },
  },
  {
    name: "claim again / a session that has a newer stream, or has ended, is told so (22)",
    async run(world) {
      const session = await world.openSession();
      await world.insert(job("a"));
      const item = await world.claimItem({ session });
      await world.commit({ claim: [item] });
      await world.store.resumeSession({ sessionId: session.sessionId, principal: "", ttlMs, held: [] });
      assert.deepEqual((await world.commit({ claim: [{ ...item, again: true }] })).claimed, [{ kind: "gone" }]);
      await world.expect({ a: "READY" });
    },
  },
  {
    name: "renew / tells every lease that has to be stopped, each time, until it has ended (38)",
    async run(world) {
      await cancelRequested(world);
      const { sessionId, epoch } = await world.worker();
      const leaseId = world.lease("x").leaseId;
      const expected = { kind: "renewed", cancels: [{ leaseId, reason: "SIBLING_FAILED" }] };
      assert.deepEqual(await world.renew({ sessionId, epoch }), expected);
      assert.deepEqual(await world.renew({ sessionId, epoch }), expected);
      assert.deepEqual(await world.renew(await world.openSession()), { kind: "renewed", cancels: [] });
      await world.end("x", cancel);
      assert.deepEqual(await world.renew({ sessionId, epoch }), { kind: "renewed", cancels: [] });
    },
  },
  {
    name: "statuses / how many jobs stand, each at its place (24)",
    async run(world) {
      await world.insert(job("run"), job("p"), job("dead"), job("later", { delayMs: 10 }));
      await world.claim();
      await world.succeed("p", [child("c")]);
      await world.discard("dead");
      const ids = ["p", "nobody", "dead", "run", "later", "p", "c"].map((id) => job(id).id);
      const found = await world.store.getStatuses(ids);
      assert.deepEqual(found.map(stateAndRan), [
        { state: "AWAITING_CHILDREN", ran: true },
        undefined,
        { state: "DEAD", ran: true },
        { state: "RUNNING", ran: false },
        { state: "SCHEDULED", ran: false },
        { state: "AWAITING_CHILDREN", ran: true },
        { state: "READY", ran: false },
      ]);
      assert.deepEqual(await world.store.getStatuses([]), []);
    },
  },
  {
    name: "statuses / the version rises with every change of a job, and is that of its record (71)",
    async run(world) {
      await world.insert(job("a"), job("other"));
      const version = async (): Promise<number> => {
        const [found] = await world.store.getStatuses([job("a").id]);
        assert.equal(found?.version, (await world.get("a")).version);
        return found?.version ?? 0;
      };
      const seen = [await version()];
      await world.claim();
      seen.push(await version());
      await world.store.report([{ leaseId: world.lease("a").leaseId, bytes: Uint8Array.of(1) }]);
      seen.push(await version());
      await world.fail("a", 10);
      seen.push(await version());
      await world.succeed("other");
      assert.equal(await version(), seen.at(-1));
      assert.deepEqual(
        seen,
        [...new Set(seen)].toSorted((left, right) => left - right),
      );
    },
  },
  {
    name: "statuses / 1,000 are told at once (24)",
    async run(world) {
      const ids = Array.from({ length: 1_000 }, (_, index) => `a${index}`);
      await world.insert(...ids.slice(0, 999).map((id) => job(id)));
      const found = await world.store.getStatuses(ids.map((id) => job(id).id));
      assert.equal(found.length, 1_000);
      assert.deepEqual(stateAndRan(found[0]), { state: "READY", ran: false });
      assert.deepEqual(stateAndRan(found[998]), { state: "READY", ran: false });
      assert.equal(found[999], undefined);
    },
  },
  {
    name: "time / is the store's own, and never goes back (7)",
    async run(world) {
      const first = await world.store.readTime();
      assert.equal(first, world.now);
      world.advance(1_000);
      assert.equal(await world.store.readTime(), first + 1_000);
      world.advance(-500);
      assert.equal(await world.store.readTime(), first + 1_000);
    },
  },
  {
    name: "session / opened again, as after an answer that was lost, stays as it is (22)",
    async run(world) {
      const session = { sessionId: "again" as SessionId, principal: "p", worker: "w", instanceId: "i", ttlMs };
      await world.store.openSession(session);
      await world.insert(job("a"));
      await world.claim({ session: { sessionId: session.sessionId, epoch: 1 } });
      world.advance(10);
      await world.store.openSession(session);
      await world.succeed("a");
      const found = (await world.store.dump()).sessions.filter((each) => each.id === session.sessionId);
      assert.deepEqual(
        found.map(({ epoch, expiresAt }) => [epoch, expiresAt]),
        [[1, world.now - 10 + ttlMs]],
      );
    },
  },
  {
    name: "news / telling and hearing disturbs nothing, and nobody hears themselves (13)",
    async run(world) {
      const heard: unknown[] = [];
      const stop = world.store.listen((news) => heard.push(news));
      await world.insert(job("a"));
      world.store.announce({
        readied: [{ queue: job("a").queue, type: job("a").payload.type }],
        ended: [],
        cancels: [],
      });
      assert.deepEqual(await world.claimIds(), ["a"]);
      await world.succeed("a");
      stop();
      assert.deepEqual(
        heard.filter((news) => news !== undefined),
        [],
      );
    },
  },
];

function stateAndRan(status: JobStatus | undefined): Omit<JobStatus, "version"> | undefined {
  return status && { state: status.state, ran: status.ran };
}
