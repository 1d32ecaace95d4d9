import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import type { Store } from "../../src/store/store.ts";
import { fromRpcStatus } from "../../src/wire/error-status.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { failingStore, gatedStore } from "./gated-store.ts";
import { choreItems, openProducer } from "./scripted-producer.ts";
import { chore, startWorld } from "./world.ts";

async function producerWorld(t: TestContext, options: Parameters<typeof startWorld>[1] = {}) {
  const world = await startWorld(t, options);
  const producer = openProducer(world.client);
  producer.hello();
  const welcome = await producer.next();
  assert.equal(welcome.case, "welcome");
  return { ...world, producer, welcome: welcome.case === "welcome" ? welcome.value : undefined };
}

test("enqueue stream / a welcome says the bounds, and items are acknowledged by their numbers once they are stored", async (t) => {
  const { producer, welcome, call } = await producerWorld(t);
  assert.deepEqual(
    [welcome?.protocolVersion, welcome?.maxPayloadBytes, welcome?.maxFrameBytes],
    [1, 1_048_576n, 4_194_304n],
  );
  producer.items([{ clientSeq: 7n, item: { item: { case: "job", value: chore("a", { id: "mine" }) } } }]);
  const [ack] = await producer.acks(1);
  assert.deepEqual([ack?.clientSeq, ack?.id, ack?.deduplicated, ack?.error], [7n, "mine", false, undefined]);
  assert.equal((await call.getJob("mine")).type, ChoreSchema.typeName);
  producer.items([{ clientSeq: 7n, item: { item: { case: "job", value: chore("a", { id: "mine" }) } } }]);
  assert.equal((await producer.acks(1))[0]?.deduplicated, true, "a number is free again once it was acknowledged");
});

test("enqueue stream / items are inserted in the order of the stream, over all frames", async (t) => {
  const { producer, call, worker } = await producerWorld(t);
  for (let first = 0; first < 3_000; first += 600) producer.items(choreItems(first, 600));
  const acks = await producer.acks(3_000);
  assert.equal(new Set(acks.map((ack) => ack.id)).size, 3_000);
  const byNumber = [...acks].sort((a, b) => Number(a.clientSeq - b.clientSeq)).map((ack) => ack.id);
  const at = await worker({ capacity: { seq: 1n, maxInFlight: 3_000 } });
  const delivered = (await at.deliveries(3_000)).map((delivery) => delivery.jobId);
  assert.deepEqual(delivered, byNumber);
  assert.equal((await call.getQueue("default"))?.counts.length, 1);
});

test("enqueue stream / nothing of a stream is inserted beside what comes earlier in it, where commits run side by side", async (t) => {
  const { store, gate } = await gatedStore();
  const commits: number[] = [];
  const side: Store = {
    ...store,
    description: { ...store.description, flights: 2 },
    commit(batch) {
      if (batch.insert.length > 0) commits.push(batch.insert.length);
      return store.commit(batch);
    },
  };
  const { producer, client } = await producerWorld(t, { store: side });
  gate.hold(({ insert }) => insert.length > 0);
  producer.items(choreItems(1, 1_000));
  producer.items(choreItems(1_001, 1_000));
  await gate.held();
  const other = openProducer(client);
  other.hello();
  other.items(choreItems(1, 200));
  await other.acks(200);
  assert.deepEqual(commits.slice(1), [200], "another stream's go beside");
  gate.go();
  await producer.acks(2_000);
  const scripts = (await store.dump()).jobs.slice(200).map((job) => fromBinary(ChoreSchema, job.payload.bytes).script);
  assert.deepEqual(
    scripts,
    Array.from({ length: 2_000 }, (_, index) => `${index + 1}`),
  );
});

test("enqueue stream / a bad item is refused by its number, and stops none that come later (2)", async (t) => {
  const { producer } = await producerWorld(t);
  const [good, late] = choreItems(1, 2);
  producer.items([
    ...(good ? [good] : []),
    { clientSeq: 10n, item: { item: { case: "job", value: chore("", { queue: "NO" }) } } },
    { clientSeq: 11n },
    { clientSeq: 12n, item: { item: { case: "tree", value: { nodes: [] } } } },
    ...(late ? [late] : []),
  ]);
  const acks = new Map((await producer.acks(5)).map((ack) => [ack.clientSeq, ack]));
  const codeOf = (seq: bigint) => {
    const status = acks.get(seq)?.error;
    return status && fromRpcStatus(status).code;
  };
  assert.deepEqual([1n, 2n, 10n, 11n, 12n].map(codeOf), [
    undefined,
    undefined,
    "INVALID_NAME",
    "INVALID_OPTION",
    "TREE_INVALID",
  ]);
  const refused = acks.get(10n)?.error;
  assert.deepEqual(refused && fromRpcStatus(refused).details.fields?.map((field) => field.path), [
    "items.items[1].item.job.queue",
  ]);
});

test("enqueue stream / what the store does not take is said of each item, and the stream goes on", async (t) => {
  const { store, outage } = await failingStore();
  const { producer } = await producerWorld(t, { store });
  outage.code = "STORE_UNAVAILABLE";
  producer.items(choreItems(1, 2));
  const codes = (await producer.acks(2)).map((ack) => ack.error && fromRpcStatus(ack.error).code);
  assert.deepEqual(codes, ["STORE_UNAVAILABLE", "STORE_UNAVAILABLE"]);
  outage.code = undefined;
  producer.items(choreItems(1, 2));
  assert.equal((await producer.acks(2)).filter((ack) => ack.error === undefined).length, 2);
});

test("enqueue stream / a caller may enqueue what it may, item by item", async (t) => {
  const { producer } = await producerWorld(t, { authorize: ({ queue }) => queue !== "secret" });
  producer.items([
    { clientSeq: 1n, item: { item: { case: "job", value: chore("", { queue: "secret" }) } } },
    ...choreItems(2, 1),
  ]);
  const acks = await producer.acks(2);
  assert.deepEqual(
    acks.map((ack) => ack.error && fromRpcStatus(ack.error).code),
    ["ROLE_MISSING", undefined],
  );
});

test("enqueue stream / when the producer has no more to send, all is acknowledged and the stream ends well", async (t) => {
  const { store, gate } = await gatedStore();
  const { producer, call } = await producerWorld(t, { store });
  gate.hold(({ insert }) => insert.length > 0);
  producer.items(choreItems(1, 900));
  producer.stream.close();
  await gate.held();
  gate.go();
  assert.equal((await producer.acks(900)).length, 900);
  assert.equal(await producer.ended, undefined);
  assert.equal((await call.getQueue("default"))?.counts[0]?.count, 900n);
});

const violations: readonly (readonly [
  what: string,
  code: string,
  break_: (p: ReturnType<typeof openProducer>) => void,
])[] = [
  ["items before Hello", "FRAME_OUT_OF_ORDER", (producer) => void producer.items(choreItems(1, 1))],
  [
    "another version of the protocol",
    "FRAME_INVALID",
    (producer) => void producer.send({ case: "hello", value: { protocolVersion: 2 } }),
  ],
  [
    "a second Hello",
    "FRAME_OUT_OF_ORDER",
    (producer) => {
      producer.hello();
      producer.hello();
    },
  ],
  [
    "more than 1,000 items",
    "FRAME_INVALID",
    (producer) => {
      producer.hello();
      producer.items(choreItems(1, 1_001));
    },
  ],
  [
    "a number twice",
    "FRAME_INVALID",
    (producer) => {
      producer.hello();
      producer.items([...choreItems(1, 1), ...choreItems(1, 1)]);
    },
  ],
];

for (const [what, code, violate] of violations) {
  test(`enqueue stream / ${what} ends the stream as ${code}, and nothing is stored`, async (t) => {
    const { client, store } = await startWorld(t);
    const producer = openProducer(client);
    violate(producer);
    assert.equal((await producer.ended)?.code, code);
    assert.deepEqual((await store.dump()).jobs, []);
  });
}

test("enqueue stream / no Hello in time ends it", async (t) => {
  const { client } = await startWorld(t, { intervals: { helloMs: 30 } });
  assert.equal((await openProducer(client).ended)?.code, "FRAME_OUT_OF_ORDER");
});

test("enqueue stream / over the window the broker stops reading, and others are served meanwhile", async (t) => {
  const { store, gate } = await gatedStore();
  const { producer, client, call } = await producerWorld(t, { store });
  gate.hold(({ insert }) => insert.length > 0);
  let sent = 0;
  const sendUntilFull = async () => {
    while (producer.items(choreItems(sent + 1, 500, 1_000))) sent += 500;
    sent += 500;
  };
  await sendUntilFull();
  await gate.held();
  // The transport takes no more for as long as fifty calls of another client last.
  for (let quiet = 0; quiet < 50; quiet += 1) {
    await callUnary(client, JobService.method.listJobs, {});
    if (!producer.stream.writable) continue;
    await sendUntilFull();
    quiet = 0;
    assert.ok(sent < 24_000, `${sent} KB left the producer although the broker takes 8 MiB`);
  }
  gate.go();
  assert.equal((await producer.acks(sent)).length, sent);
  assert.equal((await call.getQueue("default"))?.counts[0]?.count, BigInt(sent));
});

test("enqueue stream / a broker that stops asks for another stream, and acknowledges here what it has", async (t) => {
  const { store, gate } = await gatedStore();
  const { producer, broker, client } = await producerWorld(t, { store, intervals: { stopMs: 10_000 } });
  gate.hold(({ insert }) => insert.length > 0);
  producer.items(choreItems(1, 10));
  await gate.held();
  const stopped = broker.stop();
  assert.equal((await producer.next()).case, "drain");
  const refused = openProducer(client);
  assert.equal((await refused.ended)?.code, "DRAINING");
  gate.go();
  assert.equal((await producer.acks(10)).length, 10);
  producer.stream.close();
  assert.equal(await producer.ended, undefined);
  await stopped;
});

test("enqueue stream / a producer that does not leave is ended by a stop", async (t) => {
  const { producer, broker } = await producerWorld(t, { intervals: { stopMs: 50 } });
  await broker.stop();
  assert.equal((await producer.ended)?.code, "DRAINING");
});
