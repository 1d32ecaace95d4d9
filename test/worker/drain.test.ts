import assert from "node:assert/strict";
import { test } from "node:test";
import { DrainReason } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { createBroker } from "../../src/broker/index.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { connect, createWorker } from "../../src/index.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { createMemoryData } from "../../src/store/memory/data.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import { soon } from "../client/failing.ts";
import { openScriptedBroker } from "./scripted-broker.ts";

const intervals = { heartbeatMs: 100, tickMs: 50, pollMs: 50, stopMs: 1_000, drainMs: 30_000 };

/** Two brokers of one store that wait long for their workers to move. */
async function openPair() {
  const stack = new AsyncDisposableStack();
  const data = createMemoryData();
  const open = async () => {
    const store = await openMemoryStore({ defaults: serverDefaults, data });
    stack.defer(() => store.close());
    const broker = createBroker({ store, listen: "127.0.0.1:0", intervals });
    await broker.start();
    stack.defer(() => broker.stop());
    return broker;
  };
  return { brokers: [await open(), await open()] as const, stack };
}

test("drain / a worker that knows another broker moves there at once, with all that it holds (22)", async () => {
  const { brokers, stack } = await openPair();
  await using _ = stack;
  const client = stack.use(connect(brokers.map(({ address }) => address)));
  const gate = deferred<void>();
  const sessions = new Set<string>();
  const errors: unknown[] = [];
  let starts = 0;
  const worker = createWorker(
    brokers.map(({ address }) => address),
    {
      concurrency: 20,
      onConnected: ({ sessionId }) => sessions.add(sessionId),
      onError: (error) => errors.push(error),
    },
  ).handle(ChoreSchema, async () => {
    starts += 1;
    await gate.promise;
  });
  stack.defer(() => worker.stop({ deadlineMs: 0 }));
  void worker.run();
  const handles = await Promise.all(Array.from({ length: 20 }, () => client.enqueue(ChoreSchema, {})));
  while (starts < 20) await new Promise(setImmediate);
  const at = worker.health().address;
  const [first, second] = brokers[0].address === at ? brokers : [brokers[1], brokers[0]];
  const began = performance.now();
  await first.stop();
  assert.ok(performance.now() - began < 20_000, "the stop ends when the worker has moved");
  while (worker.health().address !== second.address || !worker.health().healthy) await new Promise(setImmediate);
  gate.resolve();
  for (const handle of handles) {
    const info = await handle.wait({ signal: soon() });
    assert.deepEqual([info.state, info.attempts.length, info.crashCount, info.releaseCount], ["COMPLETED", 1, 0, 0]);
  }
  assert.deepEqual([starts, sessions.size, errors], [20, 1, []]);
});

test("drain / a worker that knows no other goes on until the stream ends, and comes back", async () => {
  const broker = await openScriptedBroker();
  await using _ = broker;
  const gate = deferred<void>();
  const worker = createWorker(broker.address).handle(ChoreSchema, () => gate.promise);
  const done = worker.run();
  const stream = await broker.stream();
  await stream.next("hello");
  stream.send({ case: "welcome", value: { sessionId: "s-1", protocolVersion: 1 } });
  stream.deliver(1n, ["lease-1"]);
  stream.send({ case: "drain", value: { reason: DrainReason.BROKER_STOPPING } });
  gate.resolve();
  assert.equal((await stream.next("results")).results[0]?.leaseId, "lease-1");
  stream.close();
  const again = await broker.stream();
  assert.equal((await again.next("hello")).resume?.sessionId, "s-1");
  again.close();
  await worker.stop({ deadlineMs: 0 });
  await done;
});

test("drain / a worker that an operator wants gone finishes what runs, and leaves", async () => {
  const broker = await openScriptedBroker();
  await using _ = broker;
  const gate = deferred<void>();
  const worker = createWorker(broker.address).handle(ChoreSchema, () => gate.promise);
  const done = worker.run();
  const stream = await broker.stream();
  await stream.next("hello");
  stream.send({ case: "welcome", value: { sessionId: "s-1", protocolVersion: 1 } });
  stream.deliver(1n, ["lease-1"]);
  stream.send({ case: "drain", value: { reason: DrainReason.WORKER_LEAVING } });
  const { seq, maxInFlight } = await stream.next("capacity");
  assert.equal(maxInFlight, 0);
  stream.send({ case: "capacityApplied", value: { seq } });
  gate.resolve();
  await stream.next("results");
  stream.send({ case: "resultAcks", value: { acks: [{ leaseId: "lease-1" }] } });
  await stream.next("goodbye");
  stream.close();
  await done;
  assert.equal(worker.health().state, "stopped");
});
