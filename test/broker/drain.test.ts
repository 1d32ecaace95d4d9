import assert from "node:assert/strict";
import { test } from "node:test";
import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { DrainReason } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { failing } from "../client/failing.ts";
import { startTwoWorlds } from "./two-worlds.ts";
import { startWorld } from "./world.ts";

const patient = { intervals: { drainMs: 60_000 } };

test("drain / a stop asks workers to move, gives nothing more out, serves the rest, and ends when nothing is held", async (t) => {
  const world = await startWorld(t, patient);
  const job = await world.call.enqueueChore("held");
  const worker = await world.worker();
  const idle = await world.worker({ worker: "idle" });
  const [delivery] = await worker.deliveries(1);
  const leaseId = delivery?.leaseId ?? "";
  const stopped = world.broker.stop();
  const drain = await worker.next("drain");
  assert.deepEqual([drain.reason, drain.grace?.seconds], [DrainReason.BROKER_STOPPING, 60n]);
  failing("DRAINING")(await idle.ended);
  worker.heartbeat({ receivedThrough: 1, held: [leaseId] });
  worker.capacity(50, 9);
  assert.equal((await worker.next("capacityApplied")).seq, 9n);
  await world.call.enqueueChore("late");
  worker.result({ leaseId, outcome: { case: "success", value: {} } });
  const [ack] = await worker.acks(1);
  assert.deepEqual([ack?.leaseId, ack?.state], [leaseId, JobState.COMPLETED]);
  failing("DRAINING")(await worker.ended);
  assert.deepEqual(worker.waiting("deliveries"), []);
  await stopped;
  assert.equal((await world.store.getJob(job.id as never))?.state, "COMPLETED");
});

test("drain / what is held when its time is over stays the session's, for whoever resumes it", async (t) => {
  const world = await startWorld(t, { intervals: { drainMs: 50 } });
  await world.call.enqueueChore("held");
  const worker = await world.worker();
  const [delivery] = await worker.deliveries(1);
  const stopped = world.broker.stop();
  failing("DRAINING")(await worker.ended);
  await stopped;
  const [job] = (await world.store.dump()).jobs;
  assert.deepEqual([job?.state, job?.leaseId, job?.crashCount], ["RUNNING", delivery?.leaseId, 0]);
});

test("drain / a worker that resumes at another broker burns nothing, and the stop waits no longer", async (t) => {
  const [one, other] = await startTwoWorlds(t, patient);
  await one.call.enqueueChores(20);
  const worker = await one.worker();
  const held = (await worker.deliveries(20)).map(({ leaseId }) => ({ leaseId }));
  const stopped = one.broker.stop();
  await worker.next("drain");
  const moved = await other.worker({ resume: { sessionId: worker.welcome.sessionId, held } });
  assert.deepEqual(moved.welcome.keptLeaseIds.length, 20);
  worker.stream.close(new Error("moved"));
  await stopped;
  for (const { leaseId } of held) moved.result({ leaseId, outcome: { case: "success", value: {} } });
  await moved.acks(20);
  const { jobs } = await one.store.dump();
  assert.ok(
    jobs.every((job) => job.state === "COMPLETED" && job.attempt === 1 && job.crashCount + job.releaseCount === 0),
  );
});

test("drain / no session begins at a broker that stops", async (t) => {
  const world = await startWorld(t, patient);
  await world.call.enqueueChore("held");
  const worker = await world.worker();
  await worker.deliveries(1);
  const stopped = world.broker.stop();
  await worker.next("drain");
  await assert.rejects(world.worker(), /DRAINING|stops/);
  worker.send({ case: "goodbye", value: {} });
  await stopped;
});

test("drain / a stream that ends after Drain was no reset: the session lives on for whoever resumes it", async (t) => {
  const world = await startWorld(t, { intervals: { drainMs: 60_000, resumeGraceMs: 0 } });
  await world.call.enqueueChore("held");
  const worker = await world.worker();
  await worker.deliveries(1);
  const stopped = world.broker.stop();
  await worker.next("drain");
  worker.stream.close(new Error("moved"));
  await stopped;
  const [session] = (await world.store.dump()).sessions;
  assert.ok((session?.expiresAt ?? 0) > Date.now() + 30_000, "it has the rest of its minute");
});
