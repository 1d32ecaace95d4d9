import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  AlbumSchema,
  ChoreSchema,
  EmailSentSchema,
  MakeAlbumSchema,
  ResizeImageSchema,
  SendEmailSchema,
  Urgency,
} from "../../gen/shop/v1/shop_pb.ts";
import { connect, type ErrorCode, job } from "../../src/index.ts";
import { failing, soon } from "./failing.ts";
import { openFront } from "./front.ts";
import { openWorld } from "./world.ts";

test("enqueue / a typed job reaches its handler as it was written, and its result comes back typed", async () => {
  await using world = await openWorld();
  const written = timestampFromDate(new Date("2030-01-31T08:00:00.123Z"));
  const worker = world.worker().handle(SendEmailSchema, (mail, context) => {
    assert.equal(mail.urgency, Urgency.HIGH);
    assert.deepEqual(mail.written, written);
    assert.deepEqual(mail.attachments, [new Uint8Array([0, 1, 255])]);
    assert.deepEqual(mail.headers, { "reply-to": "c@d.e" });
    assert.equal(context.queue, "mail");
    assert.equal(context.attempt, 1);
    assert.deepEqual(context.metadata, { trace: "1" });
    return { messageId: `for ${mail.to}`, size: 9_007_199_254_740_993n };
  });
  void worker.run();
  const handle = await world.client.enqueue(
    SendEmailSchema,
    {
      to: "a@b.c",
      urgency: Urgency.HIGH,
      written,
      attachments: [new Uint8Array([0, 1, 255])],
      headers: { "reply-to": "c@d.e" },
    },
    { metadata: { trace: "1" }, result: EmailSentSchema },
  );
  const sent = await handle.result({ signal: soon() });
  assert.equal(sent.messageId, "for a@b.c");
  assert.equal(sent.size, 9_007_199_254_740_993n);
  assert.equal(handle.deduplicated, false);
});

test("enqueue / what the request says overrules the type, and what it leaves out is the type's", async () => {
  await using world = await openWorld();
  const runAt = new Date(Date.now() + 3_600_000);
  const full = await world.client.enqueue(
    ResizeImageSchema,
    { path: "x" },
    { queue: "slow", priority: -7, runAt, maxAttempts: 2, timeout: "1m30s", metadata: { a: "b" }, id: "mine" },
  );
  assert.equal(full.id, "mine");
  const info = await full.get();
  assert.deepEqual(
    [info.queue, info.priority, info.state, info.runAt, info.maxAttempts, info.timeoutMs, info.metadata],
    ["slow", -7, "SCHEDULED", runAt, 2, 90_000, { a: "b" }],
  );
  const plain = await (await world.client.enqueue(ResizeImageSchema, { path: "y" }, { delay: "5m" })).get();
  assert.deepEqual([plain.queue, plain.priority, plain.maxAttempts, plain.state], ["images", 0, 5, "SCHEDULED"]);
  const waitMs = (plain.runAt?.getTime() ?? 0) - (plain.createdAt?.getTime() ?? 0);
  assert.equal(waitMs, 300_000);
  assert.match(plain.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  assert.equal(fromBinary(ResizeImageSchema, plain.payload?.bytes ?? new Uint8Array()).path, "y");
});

test("enqueue / calls at the same time share the frames of one stream", async () => {
  await using world = await openWorld();
  await using front = await openFront(world.address);
  await using client = connect(front.address);
  const handles = await Promise.all(
    Array.from({ length: 2_000 }, (_, index) => client.enqueue(ChoreSchema, { script: String(index) })),
  );
  assert.equal(new Set(handles.map((handle) => handle.id)).size, 2_000);
  const frames = front.counts.get("items") ?? 0;
  assert.ok(frames >= 2 && frames <= 8, `${frames} frames for 2,000 jobs`);
  assert.deepEqual([front.counts.get("EnqueueStream"), front.counts.get("EnqueueBatch")], [1, undefined]);
  assert.deepEqual((await world.client.queue("default")).counts, { READY: 2_000 });
});

test("enqueue / one call alone waits for no other", async () => {
  await using world = await openWorld();
  await using front = await openFront(world.address);
  await using client = connect(front.address);
  for (let index = 0; index < 3; index += 1) await client.enqueue(ChoreSchema, {});
  assert.deepEqual([front.counts.get("items"), front.counts.get("EnqueueStream")], [3, 1]);
});

test("enqueue / a broker that knows no stream for it is called", async () => {
  await using world = await openWorld();
  await using front = await openFront(world.address, { without: ["EnqueueStream"] });
  await using client = connect(front.address);
  const handles = await Promise.all(Array.from({ length: 50 }, () => client.enqueue(ChoreSchema, {})));
  assert.equal(new Set(handles.map((handle) => handle.id)).size, 50);
  await client.enqueue(ChoreSchema, {});
  assert.equal(front.counts.get("EnqueueBatch"), 2);
});

test("enqueue / sending again after a lost answer makes no second job (3)", async () => {
  await using world = await openWorld();
  await using front = await openFront(world.address);
  await using client = connect(front.address);
  front.loseAnswers("EnqueueStream", 2);
  const [plain, named] = await Promise.all([
    client.enqueue(ChoreSchema, { script: "once" }),
    client.enqueue(ChoreSchema, { script: "named" }, { requestId: "r-1" }),
  ]);
  assert.deepEqual([front.counts.get("items"), front.counts.get("EnqueueStream")], [3, 3]);
  assert.equal(plain.deduplicated, false, "only this client knows the id");
  assert.equal(named.deduplicated, true, "someone else may have used the request id");
  assert.deepEqual((await world.client.queue("default")).counts, { READY: 2 });
});

test("enqueue / the same id or request id twice is one job, another content is refused (3)", async () => {
  await using world = await openWorld();
  const { client } = world;
  const first = await client.enqueue(ChoreSchema, { script: "a" }, { id: "chore-1" });
  const again = await client.enqueue(ChoreSchema, { script: "a" }, { id: "chore-1" });
  assert.deepEqual([first.deduplicated, again.deduplicated, again.id], [false, true, "chore-1"]);
  await assert.rejects(
    client.enqueue(ChoreSchema, { script: "b" }, { id: "chore-1" }),
    failing("JOB_ID_EXISTS", "chore-1"),
  );
  const request = await client.enqueue(ChoreSchema, { script: "a" }, { requestId: "r" });
  const repeat = await client.enqueue(ChoreSchema, { script: "a" }, { requestId: "r" });
  assert.deepEqual([repeat.id, repeat.deduplicated], [request.id, true]);
  await assert.rejects(client.enqueue(ChoreSchema, { script: "b" }, { requestId: "r" }), failing("REQUEST_ID_REUSED"));
});

test("enqueue / a broker that is away is waited for", async () => {
  await using world = await openWorld();
  await world.client.enqueue(ChoreSchema, {});
  await world.stopBroker();
  const waiting = world.client.enqueue(ChoreSchema, { script: "later" });
  await world.startBroker();
  const handle = await waiting;
  assert.equal((await handle.get()).state, "READY");
});

test("enqueue / a broker that stays away is an error that says where and what to do", async () => {
  await using world = await openWorld();
  await world.stopBroker();
  const client = world.connect({ retryFor: "150ms" });
  await assert.rejects(client.enqueue(ChoreSchema, {}), failing("BROKER_UNREACHABLE", world.address, "conveyor serve"));
});

test("enqueue / an abort ends the wait for a broker that is away", async () => {
  await using world = await openWorld();
  await world.stopBroker();
  const stop = new AbortController();
  const waiting = world.client.enqueue(ChoreSchema, {}, { signal: stop.signal });
  stop.abort(new Error("no patience"));
  await assert.rejects(waiting, failing("ABORTED"));
});

test("enqueue / close ends what waits, and later calls say so", async () => {
  await using world = await openWorld();
  await world.stopBroker();
  const client = world.connect();
  const waiting = client.enqueue(ChoreSchema, {});
  const reading = client.get("any");
  await client.close();
  await assert.rejects(waiting, failing("CLOSED"));
  await assert.rejects(reading, failing("CLOSED"));
  await assert.rejects(client.enqueue(ChoreSchema, {}), failing("CLOSED", "connect()"));
  await assert.rejects(client.queue("default"), failing("CLOSED"));
});

test("enqueue / bad input is refused with what is wrong and how to fix it, and harms nobody in the same batch", async () => {
  await using world = await openWorld();
  const { client } = world;
  const bad: readonly [Promise<unknown>, ErrorCode, string][] = [
    [client.enqueue(SendEmailSchema, { towards: "a" } as never), "PAYLOAD_INVALID", '"towards"'],
    [client.enqueue(ResizeImageSchema, { width: 1.5 }), "PAYLOAD_INVALID", "width"],
    [client.enqueue(ResizeImageSchema, create(ChoreSchema) as never), "PAYLOAD_INVALID", "shop.v1.Chore"],
    [client.enqueue(ResizeImageSchema, "text" as never), "PAYLOAD_INVALID", "string"],
    [client.enqueue(ChoreSchema, { ballast: new Uint8Array(1_048_577) }), "PAYLOAD_TOO_LARGE", "1048576"],
    [client.enqueue(AlbumSchema, {}), "SCHEMA_INCOMPATIBLE", "shop.v1.Album"],
    [client.enqueue("shop.v1.Chore" as never, {} as never), "SCHEMA_INCOMPATIBLE", "SendEmailSchema"],
    [client.enqueue(ChoreSchema, {}, { queue: "No Such Name" }), "INVALID_NAME", "queue"],
    [client.enqueue(ChoreSchema, {}, { delay: "soon" }), "INVALID_OPTION", '"5m"'],
    [client.enqueue(ChoreSchema, {}, { delay: "5m", runAt: new Date() }), "INVALID_OPTION", "runAt"],
    [client.enqueue(ChoreSchema, {}, { runAt: new Date("never") }), "INVALID_OPTION", "runAt"],
    [client.enqueue(ChoreSchema, {}, { priority: 2 ** 31 }), "INVALID_OPTION", "priority"],
    [client.enqueue(ChoreSchema, {}, { maxAttempts: 0 }), "INVALID_OPTION", "maxAttempts"],
    [client.enqueue(ChoreSchema, {}, { backoff: { kind: "CUBIC" as never } }), "INVALID_OPTION", "EXPONENTIAL"],
    [client.enqueue(ChoreSchema, {}, { backoff: { jitter: 2 } }), "INVALID_OPTION", "jitter"],
    [client.enqueue(ChoreSchema, {}, { metadata: { a: 1 as never } }), "INVALID_OPTION", "metadata"],
    [client.enqueue(ChoreSchema, {}, { id: "" }), "INVALID_OPTION", "id"],
    [client.enqueue(ChoreSchema, {}, { id: "ä" }), "INVALID_NAME", "id"],
    [client.enqueue(MakeAlbumSchema, {}, { result: EmailSentSchema }), "RESULT_TYPE_MISMATCH", "shop.v1.Album"],
  ];
  const good = client.enqueue(ChoreSchema, { script: "good" });
  await Promise.all(bad.map(([call, code, part]) => assert.rejects(call, failing(code, part))));
  await good;
  assert.deepEqual((await client.queue("default")).counts, { READY: 1 });
  assert.throws(() => connect("http://localhost:2668"), failing("INVALID_OPTION", "localhost:2668"));
});

test("enqueue / a batch reports each item, all-or-nothing inserts none with a bad one (2)", async () => {
  await using world = await openWorld();
  const { client } = world;
  await client.enqueue(ChoreSchema, { script: "other" }, { id: "taken" });
  const items = [
    job(ChoreSchema, { script: "one" }),
    job(ChoreSchema, { script: "two" }, { id: "taken" }),
    job(ChoreSchema, { script: "three" }, { delay: "x" }),
    { job: job(MakeAlbumSchema, {}), children: [{ job: job(ResizeImageSchema, {}) }] },
  ];
  const entries = await client.enqueueBatch(items);
  assert.deepEqual(
    entries.map((entry) => (entry.kind === "refused" ? entry.error.code : entry.kind)),
    ["accepted", "JOB_ID_EXISTS", "INVALID_OPTION", "accepted"],
  );
  const before = (await client.queue("default")).counts;
  await assert.rejects(
    client.enqueueBatch([job(ChoreSchema, {}), ...items.slice(1, 2)], { allOrNothing: true }),
    failing("JOB_ID_EXISTS", "taken"),
  );
  assert.deepEqual((await client.queue("default")).counts, before);
  const all = await client.enqueueBatch([job(ChoreSchema, {}), job(ChoreSchema, {})], { allOrNothing: true });
  assert.deepEqual(
    all.map((entry) => entry.kind),
    ["accepted", "accepted"],
  );
  const many = Array.from({ length: 1_001 }, () => job(ChoreSchema, {}));
  await assert.rejects(client.enqueueBatch(many, { allOrNothing: true }), failing("BATCH_TOO_LARGE", "1001"));
  assert.deepEqual(await client.enqueueBatch([]), []);
});

test("enqueue / more than a batch holds goes in several requests", async () => {
  await using world = await openWorld();
  const entries = await world.client.enqueueBatch([
    ...Array.from({ length: 2_500 }, (_, index) => job(ChoreSchema, { script: String(index) })),
    ...Array.from({ length: 7 }, () => job(ChoreSchema, { ballast: new Uint8Array(1_000_000) })),
  ]);
  assert.equal(entries.filter((entry) => entry.kind === "accepted").length, 2_507);
  assert.deepEqual((await world.client.queue("default")).counts, { READY: 2_507 });
});

test("enqueue / a batch of more bytes than may wait in a client goes in parts", async () => {
  await using world = await openWorld();
  const script = "x".repeat(1_000_000);
  const entries = await world.client.enqueueBatch(Array.from({ length: 80 }, () => job(ChoreSchema, { script })));
  assert.equal(new Set(entries.map((each) => each.kind === "accepted" && each.job.id)).size, 80);
});
