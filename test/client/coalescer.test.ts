import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { EnqueueItemSchema, type EnqueueResult, EnqueueResultSchema } from "../../gen/conveyor/v1/job_service_pb.ts";
import { createCoalescer } from "../../src/client/coalescer.ts";
import { ConveyorError, type ErrorCode } from "../../src/core/errors.ts";
import { type Deferred, deferred, turnOfEventLoop } from "../../src/runtime/deferred.ts";
import { toRpcStatus } from "../../src/wire/error-status.ts";
import { failing } from "./failing.ts";

const item = create(EnqueueItemSchema);

/** A coalescer whose requests wait until a test answers them. */
function scene(retryMs = 60_000) {
  const sent: { readonly items: readonly unknown[]; readonly answer: Deferred<readonly EnqueueResult[]> }[] = [];
  const coalescer = createCoalescer(
    (items) => {
      const answer = deferred<readonly EnqueueResult[]>();
      sent.push({ items, answer });
      return answer.promise;
    },
    { retryMs, random: () => 0 },
  );
  const add = (count: number, bytes = 100) =>
    Array.from({ length: count }, () => {
      const added = coalescer.add(item, { bytes });
      added.catch(() => undefined);
      return added;
    });
  const answer = (index: number) =>
    sent[index]?.answer.resolve(
      sent[index].items.map((_, at) => create(EnqueueResultSchema, { id: `${index}.${at}` })),
    );
  return { coalescer, add, answer, sizes: () => sent.map((each) => each.items.length), sent };
}

test("coalescer / what comes while a request is in flight gathers for the next", async () => {
  const { add, answer, sizes } = scene();
  add(1);
  await turnOfEventLoop();
  for (let index = 0; index < 20; index += 1) {
    add(2);
    await turnOfEventLoop();
  }
  assert.deepEqual(sizes(), [1], "forty wait for one");
  answer(0);
  await turnOfEventLoop();
  assert.deepEqual(sizes(), [1, 40]);
});

test("coalescer / a full load opens at most four requests, each within its bounds", async () => {
  const { add, answer, sizes } = scene();
  const all = add(6_300);
  await turnOfEventLoop();
  assert.deepEqual(sizes(), [1_000, 1_000, 1_000, 1_000]);
  answer(2);
  await turnOfEventLoop();
  assert.equal(sizes().length, 5);
  for (const index of [0, 1, 3, 4]) answer(index);
  await turnOfEventLoop();
  answer(5);
  await turnOfEventLoop();
  answer(6);
  assert.equal((await Promise.all(all)).length, 6_300);
  assert.deepEqual(sizes(), [1_000, 1_000, 1_000, 1_000, 1_000, 1_000, 300]);
});

test("coalescer / bytes bound a request as well", async () => {
  const { add, sizes } = scene();
  add(7, 1_500_000);
  await turnOfEventLoop();
  assert.deepEqual(sizes(), [2, 2, 2, 1]);
});

test("coalescer / too much waiting is refused at once, and what waits is kept", async () => {
  const { coalescer, add, sizes } = scene();
  add(20_000);
  await assert.rejects(coalescer.add(item, { bytes: 100 }), failing("SERVER_BUSY", "20000", "await"));
  await assert.rejects(coalescer.add(item, { bytes: 5_000_000 }), failing("BATCH_TOO_LARGE", "5000000"));
  await turnOfEventLoop();
  assert.deepEqual(sizes(), [1_000, 1_000, 1_000, 1_000]);
});

test("coalescer / an aborted item that was not sent is not sent", async () => {
  const { coalescer, add, answer, sizes } = scene();
  add(1);
  await turnOfEventLoop();
  const stop = new AbortController();
  const aborted = coalescer.add(item, { bytes: 100, signal: stop.signal });
  add(1);
  stop.abort();
  await assert.rejects(aborted, failing("ABORTED"));
  answer(0);
  await turnOfEventLoop();
  assert.deepEqual(sizes(), [1, 1]);
});

test("coalescer / a request that fails, or answers too little, fails its own items only", async () => {
  const { add, answer, sent } = scene();
  const [first] = add(1);
  await turnOfEventLoop();
  const [second, third] = add(2);
  sent[0]?.answer.reject(new ConveyorError("BROKER_UNREACHABLE", "away"));
  await assert.rejects(first ?? Promise.resolve(), failing("BROKER_UNREACHABLE"));
  await turnOfEventLoop();
  sent[1]?.answer.resolve([create(EnqueueResultSchema, { id: "only one" })]);
  assert.equal((await second)?.id, "only one");
  await assert.rejects(third ?? Promise.resolve(), failing("INTERNAL", "fewer"));
  const [fourth] = add(1);
  await turnOfEventLoop();
  answer(2);
  assert.equal((await fourth)?.id, "2.0");
});

const refused = (code: ErrorCode) =>
  create(EnqueueResultSchema, { error: toRpcStatus(new ConveyorError(code, "refused by a test")) });

test("coalescer / an item refused for something that passes is sent again, and its neighbours are settled", async () => {
  const { coalescer, add, sent, sizes } = scene();
  const first = add(3);
  await turnOfEventLoop();
  const named = create(EnqueueItemSchema, { item: { case: "job", value: { id: "later" } } });
  const later = coalescer.add(named, { bytes: 100 });
  const resent = until(() => sent.length === 2);
  sent[0]?.answer.resolve([
    create(EnqueueResultSchema, { id: "done" }),
    refused("STORE_UNAVAILABLE"),
    refused("INVALID_NAME"),
  ]);
  assert.equal((await first[0])?.id, "done");
  assert.equal((await first[2])?.error?.message, "refused by a test");
  await resent;
  sent[1]?.answer.resolve(sent[1].items.map(() => create(EnqueueResultSchema, { id: "again" })));
  await until(() => sizes().reduce((sum, size) => sum + size, 0) === 5);
  sent[2]?.answer.resolve([create(EnqueueResultSchema, { id: "again" })]);
  assert.equal((await first[1])?.id, "again");
  assert.equal((await later).id, "again");
});

test("coalescer / an item that is refused until its time is over gets the last refusal", async () => {
  const { add, sent } = scene(0);
  const [only] = add(1);
  await turnOfEventLoop();
  sent[0]?.answer.resolve([refused("SERVER_BUSY")]);
  assert.equal((await only)?.error?.message, "refused by a test");
  assert.equal(sent.length, 1);
});

test("coalescer / items that rest between two tries take room, and end with their signal or the client", async () => {
  const { coalescer, sent, add } = scene();
  const stop = new AbortController();
  const aborted = coalescer.add(item, { bytes: 100, signal: stop.signal });
  const kept = coalescer.add(item, { bytes: 100 });
  await turnOfEventLoop();
  const busy = toRpcStatus(new ConveyorError("SERVER_BUSY", "full", { details: { retryAfterMs: 30_000 } }));
  sent[0]?.answer.resolve([1, 2].map(() => create(EnqueueResultSchema, { error: busy })));
  await turnOfEventLoop();
  stop.abort();
  await assert.rejects(aborted, failing("ABORTED"));
  add(19_999);
  await assert.rejects(coalescer.add(item, { bytes: 100 }), failing("SERVER_BUSY", "20000"));
  coalescer.close(new ConveyorError("CLOSED", "closed by a test"));
  await assert.rejects(kept, failing("CLOSED"));
});

async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 100_000 && !holds(); turns += 1) await turnOfEventLoop();
  assert.ok(holds());
}
