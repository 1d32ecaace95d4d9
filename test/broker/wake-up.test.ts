import assert from "node:assert/strict";
import { test } from "node:test";
import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { type JobId, parseQueueName, parseTypeName } from "../../src/core/names.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import { chores, startWorld } from "./world.ts";

const never = 600_000;
const success = { case: "success" as const, value: {} };

test("wake-up / an idle worker gets a job long before the poll interval (13)", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { pollMs: never } });
  const at = await worker();
  for (let round = 0; round < 3; round += 1) {
    const job = await call.enqueueChore();
    const [delivery] = await at.deliveries(1);
    assert.equal(delivery?.jobId, job.id);
    at.result({ leaseId: delivery?.leaseId ?? "", outcome: success });
    await at.acks(1);
  }
});

test("wake-up / a job that nobody hinted at is found by polling (13)", async (t) => {
  const store = await openMemoryStore({ defaults: serverDefaults });
  const { worker } = await startWorld(t, { store });
  const at = await worker();
  await at.next("ping");
  const root = {
    id: "behind-the-back" as JobId,
    payload: { type: parseTypeName(chores.types[0] ?? ""), bytes: new Uint8Array() },
    queue: parseQueueName(chores.queue),
    start: { kind: "now" as const },
    schemaId: "",
    principal: "",
  };
  await store.commit({ renew: [], settle: [], insert: [{ trees: [{ root, nodes: [] }] }], claim: [] });
  assert.equal((await at.deliveries(1))[0]?.jobId, "behind-the-back");
});

test("wake-up / a delayed job and a retry start when they are due, not when someone looks", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { pollMs: never } });
  const at = await worker();
  const job = await call.enqueueChore("", {
    start: { case: "delay", value: { nanos: 50_000_000 } },
    backoff: { kind: 3, initial: { nanos: 50_000_000 }, jitter: 0 },
  });
  assert.equal(job.state, JobState.SCHEDULED);
  const [first] = await at.deliveries(1);
  at.result({
    leaseId: first?.leaseId ?? "",
    outcome: { case: "failure", value: { error: { name: "E", message: "once" } } },
  });
  const [second] = await at.deliveries(1);
  assert.equal(second?.attempt, 2);
  assert.equal(second?.failureCount, 1);
});

test("wake-up / a paused queue hands out nothing, also while a claim waits, and goes on at once when resumed (11)", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { pollMs: never } });
  await call.updateQueue({ name: "default", settings: { paused: true } });
  const at = await worker();
  const job = await call.enqueueChore();
  at.capacity(10);
  await at.next("capacityApplied");
  assert.equal((await call.getJob(job.id)).state, JobState.READY);
  assert.equal(at.waiting("deliveries").length, 0);
  await call.updateQueue({ name: "default", settings: { paused: false }, updateMask: { paths: ["paused"] } });
  assert.equal((await at.deliveries(1))[0]?.jobId, job.id);
});

test("wake-up / a limited queue goes on as soon as a slot of it frees", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { pollMs: never } });
  await call.updateQueue({ name: "default", settings: { maxConcurrency: 1 } });
  const at = await worker();
  await call.enqueueChores(3);
  for (let round = 0; round < 3; round += 1) {
    const [delivery] = await at.deliveries(1);
    assert.equal(at.waiting("deliveries").length, 0);
    at.result({ leaseId: delivery?.leaseId ?? "", outcome: success });
    await at.acks(1);
  }
});

test("wake-up / a type that nobody handles stays ready, is visible, and slows nobody (12)", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker();
  const lonely = await call.enqueue({
    case: "job",
    value: {
      content: {
        case: "payload",
        value: { typeUrl: "type.googleapis.com/nobody.v1.Knows", value: new Uint8Array([1]) },
      },
      priority: 9,
    },
  });
  const job = await call.enqueueChore();
  const [delivery] = await at.deliveries(1);
  assert.equal(delivery?.jobId, job.id);
  const queue = await call.getQueue("default");
  const lanes = queue?.lanes.map(({ type, workerCount, counts }) => ({
    type,
    workerCount,
    states: counts.map(({ state }) => state),
  }));
  assert.deepEqual(
    lanes?.find(({ type }) => type === "nobody.v1.Knows"),
    {
      type: "nobody.v1.Knows",
      workerCount: 0,
      states: [JobState.READY],
    },
  );
  assert.equal(lanes?.find(({ type }) => type === "shop.v1.Chore")?.workerCount, 1);
  assert.equal((await call.getJob(lonely.id)).state, JobState.READY);
});

test("wake-up / a worker that comes later finds what has been waiting", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { pollMs: never } });
  await call.enqueueChores(3);
  const at = await worker();
  assert.equal((await at.deliveries(3)).length, 3);
});
