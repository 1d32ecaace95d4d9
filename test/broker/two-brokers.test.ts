import assert from "node:assert/strict";
import { test } from "node:test";
import { FailurePolicy, JobRole, JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { WaitUntil } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { JobId, LeaseId, SessionId } from "../../src/core/names.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import type { Store } from "../../src/store/store.ts";
import { startTwoWorlds, withoutNews } from "./two-worlds.ts";
import { chore, type World } from "./world.ts";

const never = 600_000;
const success = { case: "success" as const, value: {} };
/** Nothing is found by looking: whatever happens here, a hint brought it. */
const hintsOnly = { intervals: { pollMs: never, lookMs: never, heartbeatMs: never } };
/** Hints are lost: whatever happens here was found by looking. */
const looksOnly = { wrap: withoutNews };

test("two brokers / a job enqueued at one is at work at the other long before the poll interval (13)", async (t) => {
  const [a, b] = await startTwoWorlds(t, hintsOnly);
  const at = await b.worker();
  for (let round = 0; round < 3; round += 1) {
    const job = await a.call.enqueueChore();
    const [delivery] = await at.deliveries(1);
    assert.equal(delivery?.jobId, job.id);
    at.result({ leaseId: delivery?.leaseId ?? "", outcome: success });
    await at.acks(1);
  }
});

test("two brokers / and is found by polling when the hint is lost (13)", async (t) => {
  const [a, b] = await startTwoWorlds(t, looksOnly);
  const at = await b.worker();
  const job = await a.call.enqueueChore();
  assert.equal((await at.deliveries(1))[0]?.jobId, job.id);
});

for (const [how, options] of [
  ["hears of its end at once", hintsOnly],
  ["finds its end when the hint is lost", looksOnly],
] as const) {
  test(`two brokers / who waits at one for a job of the other ${how}`, async (t) => {
    const [a, b] = await startTwoWorlds(t, options);
    const at = await b.worker();
    const { job } = await chain(a);
    const [root] = await at.deliveries(1);
    const ran = a.call.waitJob(job, { until: WaitUntil.RAN });
    const terminal = a.call.waitJob(job);
    at.result({ leaseId: root?.leaseId ?? "", outcome: success });
    assert.equal((await ran).job?.state, JobState.AWAITING_CHILDREN);
    for (const delivery of await at.deliveries(2)) at.result({ leaseId: delivery.leaseId, outcome: success });
    assert.deepEqual([(await terminal).reached, (await terminal).job?.state], [true, JobState.COMPLETED]);
  });
}

test("two brokers / a queue that is resumed at one goes on at the other at once (11)", async (t) => {
  const [a, b] = await startTwoWorlds(t, hintsOnly);
  await a.call.updateQueue({ name: "default", settings: { paused: true }, updateMask: { paths: ["paused"] } });
  const at = await b.worker();
  const job = await a.call.enqueueChore();
  await b.call.getJob(job.id);
  assert.equal(at.waiting("deliveries").length, 0);
  await a.call.updateQueue({ name: "default", settings: { paused: false }, updateMask: { paths: ["paused"] } });
  assert.equal((await at.deliveries(1))[0]?.jobId, job.id);
});

test("two brokers / a hint that comes while a claim is under way, which may not have seen the job, is not lost (13)", async (t) => {
  const held = deferred<void>();
  const heard = deferred<void>();
  const go = deferred<void>();
  const wrap = (store: Store, index: number): Store => ({
    ...store,
    async commit(batch) {
      const answer = await store.commit(batch);
      if (index === 0 && batch.claim.length > 0) {
        held.resolve();
        await go.promise;
      }
      return answer;
    },
    listen: (listener) =>
      store.listen((news) => {
        listener(news);
        heard.resolve();
      }),
  });
  const [a, b] = await startTwoWorlds(t, { ...hintsOnly, wrap });
  const at = await a.worker();
  await held.promise;
  const job = await b.call.enqueueChore();
  await heard.promise;
  go.resolve();
  assert.equal((await at.deliveries(1))[0]?.jobId, job.id);
});

/** A root with two children, the first of which takes its sibling with it when it fails. */
async function chain(world: World): Promise<{ readonly job: string }> {
  const edge = { role: JobRole.CHILD, policy: FailurePolicy.FAIL_FAST };
  const nodes = [
    { node: { job: chore("root") } },
    { parentIndex: 0, node: { job: chore("bad"), ...edge } },
    { parentIndex: 0, node: { job: chore("sibling"), ...edge } },
  ];
  return { job: (await world.call.enqueue({ case: "tree", value: { nodes } })).id };
}

/** A chain whose failing child is at work at A and its sibling at B. */
async function parted([a, b]: readonly [World, World]) {
  const atA = await a.worker({ capacity: { seq: 1n, maxInFlight: 1 } });
  await chain(a);
  const [root] = await atA.deliveries(1);
  atA.result({ leaseId: root?.leaseId ?? "", outcome: success });
  const [bad] = await atA.deliveries(1);
  const atB = await b.worker({ capacity: { seq: 1n, maxInFlight: 1 } });
  const [sibling] = await atB.deliveries(1);
  atA.result({
    leaseId: bad?.leaseId ?? "",
    outcome: { case: "discard", value: { error: { name: "E", message: "bad" } } },
  });
  return { atB, leaseId: sibling?.leaseId ?? "", jobId: sibling?.jobId ?? "" };
}

test("two brokers / a cancel reaches the worker at the other broker by hint (38)", async (t) => {
  const worlds = await startTwoWorlds(t, hintsOnly);
  const { atB, leaseId, jobId } = await parted(worlds);
  assert.deepEqual(
    (await atB.next("cancelRequests")).requests.map((each) => each.leaseId),
    [leaseId],
  );
  atB.result({ leaseId, outcome: { case: "failure", value: { error: { name: "E", message: "stopped" } } } });
  assert.equal((await atB.acks(1))[0]?.state, JobState.CANCELLED);
  assert.equal((await worlds[0].call.getJob(jobId)).state, JobState.CANCELLED);
});

test("two brokers / news of a cancel that the store knows nothing of stop no handler", async (t) => {
  let forge: Store["announce"] = () => undefined;
  const renewed = deferred<void>();
  const wrap = (store: Store, index: number): Store => {
    if (index === 0) forge = store.announce;
    return {
      ...store,
      async commit(batch) {
        const answer = await store.commit(batch);
        if (index === 1 && batch.renew.length > 0) renewed.resolve();
        return answer;
      },
    };
  };
  const [, b] = await startTwoWorlds(t, { ...hintsOnly, wrap });
  await b.call.enqueueChore();
  const at = await b.worker();
  const [lease] = await at.deliveries(1);
  const leaseId = lease?.leaseId ?? "";
  const sessionId = at.welcome.sessionId as SessionId;
  forge({ readied: [], ended: [], cancels: [{ sessionId, leaseId: leaseId as LeaseId, reason: "REQUESTED" }] });
  await renewed.promise;
  at.result({ leaseId, outcome: success });
  assert.equal((await at.acks(1))[0]?.state, JobState.COMPLETED);
  assert.equal(at.waiting("cancelRequests").length, 0);
});

test("two brokers / without the hint it comes with the next heartbeat, once (38)", async (t) => {
  const { atB, leaseId } = await parted(await startTwoWorlds(t, looksOnly));
  for (let beats = 0; atB.waiting("cancelRequests").length === 0; beats += 1) {
    assert.ok(beats < 100, "a heartbeat brings it");
    atB.heartbeat({ receivedThrough: 1, held: [leaseId] });
    await atB.next("ping");
  }
  for (let beats = 0; beats < 5; beats += 1) {
    atB.heartbeat({ receivedThrough: 1, held: [leaseId] });
    await atB.next("ping");
  }
  assert.deepEqual(
    atB.waiting("cancelRequests").flatMap((frame) => frame.requests.map((each) => each.leaseId)),
    [leaseId],
  );
});

/** A worker at A with a job that runs and one that it has buffered. */
async function atWork([a]: readonly [World, World]) {
  const at = await a.worker();
  await a.call.enqueueChores(2);
  const [running, buffered] = (await at.deliveries(2)).map((each) => each.leaseId);
  const held = [running ?? "", buffered ?? ""];
  at.heartbeat({ receivedThrough: 2, held, buffered: [buffered ?? ""] });
  return { at, held, running: running ?? "", buffered: buffered ?? "" };
}

test("two brokers / a session resumed at the other keeps its jobs, and the stream at the first ends (22)", async (t) => {
  const worlds = await startTwoWorlds(t);
  const { at, held } = await atWork(worlds);
  const again = await worlds[1].worker({
    resume: { sessionId: at.welcome.sessionId, held: held.map((leaseId) => ({ leaseId })) },
  });
  assert.equal(again.welcome.sessionId, at.welcome.sessionId);
  assert.deepEqual([...again.welcome.keptLeaseIds].sort(), [...held].sort());
  at.heartbeat({ receivedThrough: 2, held });
  assert.equal((await at.ended)?.code, "SESSION_SUPERSEDED");
  for (const leaseId of held) again.result({ leaseId, outcome: success });
  assert.deepEqual(
    (await again.acks(2)).map((ack) => ack.state),
    [JobState.COMPLETED, JobState.COMPLETED],
  );
});

test("two brokers / the stream that was superseded takes no jobs any more (22)", async (t) => {
  const worlds = await startTwoWorlds(t);
  const { at, held } = await atWork(worlds);
  const again = await worlds[1].worker({
    resume: { sessionId: at.welcome.sessionId, held: held.map((leaseId) => ({ leaseId })) },
    capacity: { seq: 1n, maxInFlight: 2 },
  });
  const job = await worlds[0].call.enqueueChore();
  assert.equal((await at.ended)?.code, "SESSION_SUPERSEDED");
  again.capacity(3);
  assert.equal((await again.deliveries(1))[0]?.jobId, job.id);
});

test("two brokers / a session that the other ended is told so at its next heartbeat (16)", async (t) => {
  const worlds = await startTwoWorlds(t);
  const { at, held } = await atWork(worlds);
  // What a reaper of the other broker would do after a time to live.
  await worlds[1].store.closeSession({ sessionId: at.welcome.sessionId as SessionId, epoch: 1 });
  at.heartbeat({ receivedThrough: 2, held });
  assert.equal((await at.ended)?.code, "SESSION_SUPERSEDED");
});

test("two brokers / a lease that did not start for too long is taken, whoever takes it, and its worker is told", async (t) => {
  // The reaper of neither broker runs within the time of this test: A finds it by itself, and may find it taken.
  const worlds = await startTwoWorlds(t, { intervals: { bufferedMsMax: 300, pollMs: never } });
  const { at, held, running, buffered } = await atWork(worlds);
  const lost = await at.next("leasesLost");
  assert.deepEqual(lost.leaseIds, [buffered]);
  at.result({ leaseId: running, outcome: success });
  assert.equal((await at.acks(1))[0]?.leaseId, running);
  assert.equal(held.length, 2);
});

test("two brokers / many wait at one for jobs of the other, and few looks find all of them", async (t) => {
  const looks: number[] = [];
  const wrap = (store: Store, index: number): Store => {
    if (index === 1) return store;
    const getStatuses = (ids: readonly JobId[]) => {
      looks.push(ids.length);
      return store.getStatuses(ids);
    };
    return { ...withoutNews(store), getStatuses };
  };
  const [a, b] = await startTwoWorlds(t, { wrap });
  const { results } = await a.call.enqueueChores(200);
  const waits = results.map(({ id }) => a.call.waitJob(id));
  const at = await b.worker({ capacity: { seq: 1n, maxInFlight: 200 } });
  const deliveries = await at.deliveries(200);
  for (const { leaseId } of deliveries) at.result({ leaseId, outcome: success });
  for (const wait of waits) assert.equal((await wait).job?.state, JobState.COMPLETED);
  assert.ok(Math.max(...looks) > 50, `one look asks for many: ${looks}`);
  assert.ok(looks.length < 100, `${looks.length} looks`);
});

test("two brokers / worked together by both, every job runs once (10)", async (t) => {
  const worlds = await startTwoWorlds(t);
  const runs = new Map<string, number>();
  const workers = await Promise.all(worlds.map((world) => world.worker({ capacity: { seq: 1n, maxInFlight: 20 } })));
  for (const world of worlds) await world.call.enqueueChores(300);
  await Promise.all(
    workers.map(async (at) => {
      while (runs.size < 600) {
        await at.next("ping");
        for (const frame of at.take("deliveries")) {
          for (const { jobId, leaseId } of frame.deliveries) {
            runs.set(jobId, (runs.get(jobId) ?? 0) + 1);
            at.result({ leaseId, outcome: success });
          }
        }
      }
    }),
  );
  assert.equal(runs.size, 600);
  assert.equal(Math.max(...runs.values()), 1);
});
