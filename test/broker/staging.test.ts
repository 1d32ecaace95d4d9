import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type DeclarationSchema, JobRole, JobState } from "../../gen/conveyor/v1/job_pb.ts";
import type { StageAck } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import { fromRpcStatus } from "../../src/wire/error-status.ts";
import type { ScriptedWorker } from "./scripted-worker.ts";
import { chore, startWorld, type World } from "./world.ts";

type Child = MessageInitShape<typeof DeclarationSchema>;

const child = (key: string, job = chore(key), role: JobRole = JobRole.CHILD): Child => ({ role, key, job });
const children = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => child(`${prefix}${index}`));

function stage(worker: ScriptedWorker, leaseId: string, seq: number, list: Child[]): void {
  worker.send({ case: "stage", value: { leaseId, seq: BigInt(seq), children: list } });
}

async function acksOf(worker: ScriptedWorker, count: number): Promise<readonly StageAck[]> {
  const acks: StageAck[] = [];
  while (acks.length < count) acks.push(...(await worker.next("stageAcks")).acks);
  return acks;
}

const told = (acks: readonly StageAck[]) =>
  acks.map(({ seq, staged, error }) => [Number(seq), error ? fromRpcStatus(error).code : staged]);

async function leased(world: World) {
  const job = await world.call.enqueueChore("parent");
  const worker = await world.worker();
  const [delivery] = await worker.deliveries(1);
  return { job, worker, leaseId: delivery?.leaseId ?? "" };
}

test("staging / frames are acknowledged when they are durable, repeats as the first, and settle counts them (42)", async (t) => {
  const world = await startWorld(t);
  const { job, worker, leaseId } = await leased(world);
  stage(worker, leaseId, 1, children("a", 300));
  stage(worker, leaseId, 2, children("b", 200));
  stage(worker, leaseId, 1, children("a", 300));
  assert.deepEqual(told(await acksOf(worker, 3)), [
    [1, 300],
    [2, 500],
    [1, 500],
  ]);
  assert.equal((await world.call.getJob(job.id)).pendingChildren, 0, "not part of the chain yet");
  worker.result({ leaseId, outcome: { case: "success", value: { staged: 500 } } });
  const [ack] = await worker.acks(1);
  assert.deepEqual([ack?.state, ack?.error], [JobState.AWAITING_CHILDREN, undefined]);
  assert.equal((await world.call.getJob(job.id)).pendingChildren, 500);
});

test("staging / a result that comes right behind its children waits for them", async (t) => {
  const store = await openMemoryStore({ defaults: serverDefaults });
  const late: typeof store.stage = async (items) => {
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    return store.stage(items);
  };
  const world = await startWorld(t, { store: { ...store, stage: late } });
  const { worker, leaseId } = await leased(world);
  for (let seq = 1; seq <= 5; seq += 1) stage(worker, leaseId, seq, children(`${seq}-`, 100));
  worker.result({ leaseId, outcome: { case: "success", value: { staged: 500 } } });
  assert.equal((await worker.acks(1))[0]?.error, undefined);
});

test("staging / another number than was staged is a failed attempt", async (t) => {
  const world = await startWorld(t);
  const { job, worker, leaseId } = await leased(world);
  stage(worker, leaseId, 1, children("a", 3));
  await acksOf(worker, 1);
  worker.result({ leaseId, outcome: { case: "success", value: { staged: 4 } } });
  const [ack] = await worker.acks(1);
  assert.equal(ack?.error && fromRpcStatus(ack.error).code, "STAGE_INCOMPLETE");
  assert.equal((await world.call.getJob(job.id)).attempts[0]?.error?.name, "STAGE_INCOMPLETE");
});

test("staging / children beside a result that staged some are a failed attempt", async (t) => {
  const world = await startWorld(t);
  const { worker, leaseId } = await leased(world);
  stage(worker, leaseId, 1, children("a", 3));
  await acksOf(worker, 1);
  worker.result({ leaseId, outcome: { case: "success", value: { staged: 3, declarations: [child("late")] } } });
  const [ack] = await worker.acks(1);
  assert.equal(ack?.error && fromRpcStatus(ack.error).code, "TREE_INVALID");
});

test("staging / what is wrong with a frame its acknowledgement says, and the stream goes on", async (t) => {
  const world = await startWorld(t);
  const { worker, leaseId } = await leased(world);
  stage(worker, leaseId, 1, [child("a"), child("heir", chore(), JobRole.HEIR)]);
  stage(worker, leaseId, 1, [child("a", chore("", { queue: "No Queue" }))]);
  stage(worker, leaseId, 1, [child("twice"), child("twice")]);
  stage(worker, leaseId, 2, [child("a")]);
  stage(worker, "nobody's-0", 1, [child("a")]);
  const acks = told(await acksOf(worker, 5)).map(([seq, said]) => `${seq} ${said}`);
  assert.deepEqual(acks.toSorted(), [
    "1 DUPLICATE_KEY",
    "1 FRAME_INVALID",
    "1 INVALID_NAME",
    "1 LEASE_LOST",
    "2 FRAME_OUT_OF_ORDER",
  ]);
  stage(worker, leaseId, 1, [child("a")]);
  assert.deepEqual(told(await acksOf(worker, 1)), [[1, 1]]);
});

test("staging / a stream that is resumed goes on where the store is (22)", async (t) => {
  const world = await startWorld(t);
  const { worker, leaseId } = await leased(world);
  stage(worker, leaseId, 1, children("a", 10));
  await acksOf(worker, 1);
  const resumed = await world.worker({ resume: { sessionId: worker.welcome.sessionId, held: [{ leaseId }] } });
  stage(resumed, leaseId, 1, children("a", 10));
  stage(resumed, leaseId, 2, children("b", 10));
  assert.deepEqual(told(await acksOf(resumed, 2)), [
    [1, 10],
    [2, 20],
  ]);
});

test("staging / a worker that may not enqueue what it stages is told so", async (t) => {
  const world = await startWorld(t, {
    authorize: ({ method, queue }) => !method.endsWith("/Enqueue") || queue === "default",
  });
  const { worker, leaseId } = await leased(world);
  stage(worker, leaseId, 1, [child("a", chore("", { queue: "secret" }))]);
  assert.deepEqual(told(await acksOf(worker, 1)), [[1, "ROLE_MISSING"]]);
});

test("progress / at most one report a second is stored, the newest, and the last one before the result", async (t) => {
  const { store, reported } = await countingStore();
  const world = await startWorld(t, { store });
  const { job, worker, leaseId } = await leased(world);
  const say = (fraction: number, message = "") =>
    worker.send({ case: "progress", value: { reports: [{ leaseId, progress: { fraction, message } }] } });
  for (let step = 0; step < 100; step += 1) say(step / 100);
  worker.result({ leaseId, outcome: { case: "success", value: {} } });
  await worker.acks(1);
  const { progress } = await world.call.getJob(job.id);
  assert.deepEqual([progress?.fraction, progress?.attempt], [0.99, 1]);
  assert.equal(reported(), 2);
});

test("progress / of a lease that is not held changes nothing", async (t) => {
  const { store, reported } = await countingStore();
  const world = await startWorld(t, { store });
  const { job, worker, leaseId } = await leased(world);
  worker.result({ leaseId, outcome: { case: "success", value: {} } });
  worker.send({ case: "progress", value: { reports: [{ leaseId, progress: { fraction: 1 } }] } });
  worker.capacity(1, 7);
  await worker.next("capacityApplied");
  assert.equal((await world.call.getJob(job.id)).progress, undefined);
  assert.equal(reported(), 0);
});

async function countingStore() {
  const store = await openMemoryStore({ defaults: serverDefaults });
  let count = 0;
  return {
    store: {
      ...store,
      report: (items: Parameters<typeof store.report>[0]) => {
        count += items.length;
        return store.report(items);
      },
    },
    reported: () => count,
  };
}
