import assert from "node:assert/strict";
import { test } from "node:test";
import { AttemptOutcome, JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { createBroker } from "../../src/broker/index.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import { openChannel } from "../../src/wire/channel.ts";
import { greet } from "./scripted-worker.ts";
import { chores, quick, startWorld } from "./world.ts";

const success = { case: "success" as const, value: {} };

test("sessions / a goodbye gives everything back at once and counts nothing", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker();
  const jobs = await call.enqueueChores(3);
  const got = await at.deliveries(3);
  at.result({ leaseId: got[0]?.leaseId ?? "", outcome: success });
  at.send({ case: "goodbye", value: {} });
  assert.equal(await at.ended, undefined);
  const states = await Promise.all(jobs.results.map(({ id }) => call.getJob(id)));
  const done = states.filter((job) => job.state === JobState.COMPLETED);
  const back = states.filter((job) => job.state === JobState.READY && job.releaseCount === 1 && job.crashCount === 0);
  assert.deepEqual({ done: done.length, back: back.length }, { done: 1, back: 2 });
});

test("sessions / a resumed session keeps its running jobs, loses what ended, gives back what it does not hold", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker();
  await call.enqueueChores(3);
  const [kept, orphan, ended] = await at.deliveries(3);
  at.result({ leaseId: ended?.leaseId ?? "", outcome: success });
  await at.acks(1);
  at.stream.close(new Error("cable pulled"));
  const again = await worker({
    capacity: { seq: 1n, maxInFlight: 1 },
    resume: {
      sessionId: at.welcome.sessionId,
      held: [{ leaseId: kept?.leaseId ?? "" }, { leaseId: ended?.leaseId ?? "" }],
    },
  });
  assert.equal(again.welcome.sessionId, at.welcome.sessionId);
  assert.deepEqual(again.welcome.keptLeaseIds, [kept?.leaseId]);
  assert.deepEqual(again.welcome.lostLeaseIds, [ended?.leaseId]);
  assert.equal((await call.getJob(orphan?.jobId ?? "")).releaseCount, 1);
  again.capacity(1);
  await again.next("capacityApplied");
  assert.equal(again.waiting("deliveries").length, 0, "the kept lease fills the window");
  again.result({ leaseId: kept?.leaseId ?? "", outcome: success });
  assert.equal((await again.acks(1))[0]?.state, JobState.COMPLETED);
  assert.equal((await again.deliveries(1))[0]?.jobId, orphan?.jobId);
});

test("sessions / the newest stream of a session wins, and the old one is told", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { pollMs: 600_000 } });
  const old = await worker();
  await call.enqueueChore();
  const [lease] = await old.deliveries(1);
  const held = [{ leaseId: lease?.leaseId ?? "" }];
  const young = await worker({ resume: { sessionId: old.welcome.sessionId, held } });
  assert.equal((await old.ended)?.code, "SESSION_SUPERSEDED");
  young.result({ leaseId: lease?.leaseId ?? "", outcome: success });
  assert.equal((await young.acks(1))[0]?.state, JobState.COMPLETED);
});

test("sessions / a session that is gone is replaced by a new one", async (t) => {
  const { worker } = await startWorld(t);
  const at = await worker({ resume: { sessionId: "no-such-session", held: [{ leaseId: "x-0" }] } });
  assert.equal(at.welcome.sessionReplaced, true);
  assert.notEqual(at.welcome.sessionId, "no-such-session");
  assert.deepEqual(at.welcome.lostLeaseIds, ["x-0"]);
});

test("sessions / a stream that is not resumed within the grace was a crash; what was named as buffered goes back free", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { sessionTtlMs: 600, resumeGraceMs: 50 } });
  const at = await worker();
  const jobs = await call.enqueueChores(2);
  const [running, buffered] = await at.deliveries(2);
  const leaseIds = [running?.leaseId ?? "", buffered?.leaseId ?? ""];
  at.heartbeat({ receivedThrough: 2, held: leaseIds, buffered: leaseIds.slice(1) });
  await at.next("ping");
  at.stream.close(new Error("killed"));
  const other = await worker();
  const [first] = await other.deliveries(1);
  assert.equal(first?.jobId, buffered?.jobId);
  const crashed = await call.getJob(running?.jobId ?? "");
  assert.equal(crashed.crashCount, 1);
  assert.equal(crashed.attempts[0]?.outcome, AttemptOutcome.CRASHED);
  assert.equal((await call.getJob(buffered?.jobId ?? "")).releaseCount, 1);
  assert.equal(jobs.results.length, 2);
});

test("sessions / a reset leaves the session its resume grace, a stop of the broker the rest of its life", async (t) => {
  const { broker, worker, store } = await startWorld(t, { intervals: { resumeGraceMs: 50 } });
  const [pulled, stays, watcher] = [await worker(), await worker(), await worker()];
  const lifeMs = async (sessionId: string) => {
    const session = (await store.dump()).sessions.find(({ id }) => id === sessionId);
    return (session?.expiresAt ?? 0) - Date.now();
  };
  pulled.stream.close(new Error("cable pulled"));
  while ((await lifeMs(pulled.welcome.sessionId)) > 50) await watcher.next("ping");
  await broker.stop();
  assert.equal((await lifeMs(stays.welcome.sessionId)) > 30_000, true);
});

test("sessions / a kept lease that a heartbeat does not name goes back free", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker();
  await call.enqueueChore();
  const [lease] = await at.deliveries(1);
  const resume = { sessionId: at.welcome.sessionId, held: [{ leaseId: lease?.leaseId ?? "" }] };
  const again = await worker({ resume });
  again.heartbeat({ receivedThrough: 0, held: [] });
  const [anew] = await again.deliveries(1);
  assert.deepEqual({ job: anew?.jobId, attempt: anew?.attempt }, { job: lease?.jobId, attempt: 2 });
});

test("sessions / a broker that starts reaps nothing for one time to live: who comes back late keeps its jobs", async (t) => {
  let now = Date.now();
  const store = await openMemoryStore({ defaults: serverDefaults, clock: () => now });
  const first = await startWorld(t, { store });
  const at = await first.worker();
  await first.call.enqueueChore();
  const [lease] = await at.deliveries(1);
  await first.broker.stop();
  now += 3_600_000;
  const second = await startWorld(t, { store, intervals: { pollMs: 10 } });
  const other = await second.worker({ subscriptions: [{ ...chores, queue: "other" }] });
  for (let pings = 0; pings < 3; pings += 1) await other.next("ping");
  const again = await second.worker({
    resume: { sessionId: at.welcome.sessionId, held: [{ leaseId: lease?.leaseId ?? "" }] },
  });
  assert.deepEqual(again.welcome.keptLeaseIds, [lease?.leaseId]);
});

test("sessions / silence ends the stream and keeps the leases for a resume", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { watchdogMs: 200 } });
  const at = await worker();
  await call.enqueueChore();
  const [lease] = await at.deliveries(1);
  assert.equal((await at.ended)?.code, "TIMED_OUT");
  const again = await worker({
    resume: { sessionId: at.welcome.sessionId, held: [{ leaseId: lease?.leaseId ?? "" }] },
  });
  assert.deepEqual(again.welcome.keptLeaseIds, [lease?.leaseId]);
});

test("sessions / heartbeats keep a stream and a session alive", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { watchdogMs: 300, sessionTtlMs: 300, pollMs: 20 } });
  const at = await worker();
  const job = await call.enqueueChore();
  const [lease] = await at.deliveries(1);
  const leaseId = lease?.leaseId ?? "";
  for (let pings = 0; pings < 10; pings += 1) {
    await at.next("ping");
    at.heartbeat({ receivedThrough: 1, held: [leaseId] });
  }
  at.result({ leaseId, outcome: success });
  assert.equal((await at.acks(1))[0]?.state, JobState.COMPLETED);
  assert.equal((await call.getJob(job.id)).attempt, 1);
});

test("sessions / a restarted broker runs nothing twice of 100 held leases (22, 23)", async (t) => {
  const store = await openMemoryStore({ defaults: serverDefaults });
  const first = createBroker({ store, listen: "127.0.0.1:0", intervals: quick });
  await first.start();
  const world = await startWorld(t, { store });
  const toFirst = openChannel(first.address, { retries: false });
  const at = await greet(toFirst, { subscriptions: [chores], capacity: { seq: 1n, maxInFlight: 100 } });
  const { results } = await world.call.enqueueChores(100);
  const leaseIds = (await at.deliveries(100)).map((each) => each.leaseId);
  await first.stop();
  assert.equal((await at.ended)?.code, "DRAINING");
  toFirst.close();
  const again = await world.worker({
    resume: {
      sessionId: at.welcome.sessionId,
      held: leaseIds.map((leaseId) => ({ leaseId, elapsed: { seconds: 1n } })),
    },
  });
  assert.deepEqual([...again.welcome.keptLeaseIds].sort(), [...leaseIds].sort());
  again.send({ case: "results", value: { results: leaseIds.map((leaseId) => ({ leaseId, outcome: success })) } });
  assert.equal(
    (await again.acks(100)).every((ack) => ack.state === JobState.COMPLETED),
    true,
  );
  const jobs = await Promise.all(results.map(({ id }) => world.call.getJob(id)));
  assert.equal(
    jobs.every((job) => job.attempt === 1),
    true,
  );
});
