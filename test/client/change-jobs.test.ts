import assert from "node:assert/strict";
import { test } from "node:test";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { type BulkResult, connect, type JobEvent, job } from "../../src/index.ts";
import { failing, soon } from "./failing.ts";
import { openFront } from "./front.ts";
import { openWorld } from "./world.ts";

test("change / a handle cancels, retries and deletes its job", async () => {
  await using world = await openWorld();
  const { client } = world;
  const late = await client.enqueue(ChoreSchema, {}, { delay: "1h" });
  assert.equal((await late.retry()).state, "READY");
  await assert.rejects(late.delete(), failing("CHAIN_OPEN", late.id));
  const cancelled = await late.cancel();
  assert.deepEqual([cancelled.state, cancelled.reason], ["CANCELLED", "REQUESTED"]);
  await assert.rejects(late.retry(), failing("JOB_NOT_RETRYABLE", "anew"));
  await late.delete();
  await assert.rejects(late.get(), failing("JOB_NOT_FOUND"));
  await assert.rejects(client.cancel(late.id), failing("JOB_NOT_FOUND"));
  await assert.rejects(client.retry(late.id), failing("JOB_NOT_FOUND"));
  await assert.rejects(client.delete(late.id), failing("JOB_NOT_FOUND"));
});

test("change / a dead job runs again, and a running one ends when it is cancelled", async () => {
  await using world = await openWorld();
  let runs = 0;
  const worker = world.worker().handle(ChoreSchema, async (_, context) => {
    runs += 1;
    if (runs === 1) throw context.discard("not yet");
    await new Promise((_resolve, reject) =>
      context.signal.addEventListener("abort", () => reject(context.signal.reason)),
    );
    return {};
  });
  void worker.run();
  const handle = await world.client.enqueue(ChoreSchema, {});
  assert.equal((await handle.wait({ signal: soon() })).state, "DEAD");
  await handle.retry();
  for await (const { state } of handle.watch({ signal: soon() })) if (state === "RUNNING") await handle.cancel();
  assert.deepEqual([runs, (await handle.get()).state], [2, "CANCELLED"]);
});

test("change / answers that are lost harm nobody: what was done is done", async () => {
  await using world = await openWorld();
  await using front = await openFront(world.address);
  await using client = connect(front.address);
  const handle = await client.enqueue(ChoreSchema, {}, { delay: "1h" });
  for (const method of ["CancelJob", "DeleteJob"]) front.loseAnswers(method, 1);
  assert.equal((await handle.cancel()).state, "CANCELLED");
  await handle.delete();
  await assert.rejects(handle.get(), failing("JOB_NOT_FOUND"));
});

test("change all / pages by itself, tells how far it is, and a dry run changes nothing", async () => {
  await using world = await openWorld();
  const { client } = world;
  await client.enqueueBatch(Array.from({ length: 25 }, () => job(ChoreSchema, {})));
  const filter = { type: ChoreSchema, queue: "default" };
  const told: BulkResult[] = [];
  const onProgress = (soFar: BulkResult) => void told.push(soFar);
  const dry = await client.cancelAll(filter, { dryRun: true, pageSize: 10, onProgress });
  assert.deepEqual([dry.matched, dry.changed], [25, 0]);
  assert.deepEqual(
    told.map((each) => each.matched),
    [10, 20, 25],
  );
  const run = await client.cancelAll(filter, { pageSize: 10 });
  assert.deepEqual([run.matched, run.changed, run.failed], [25, 25, 0]);
  const retried = await client.retryAll({ ...filter, states: ["CANCELLED"] });
  assert.deepEqual([retried.matched, retried.changed, retried.failed], [25, 0, 25]);
  assert.equal(retried.failures[0]?.error.code, "JOB_NOT_RETRYABLE");
  const removed = await client.deleteAll(filter, { pageSize: 10 });
  assert.deepEqual([removed.matched, removed.changed], [25, 25]);
  await assert.rejects(client.deleteAll({}), failing("INVALID_OPTION", "filter"));
});

test("change all / stops at its signal", async () => {
  await using world = await openWorld();
  const { client } = world;
  await client.enqueueBatch(Array.from({ length: 10 }, () => job(ChoreSchema, {})));
  const stop = new AbortController();
  const onProgress = () => stop.abort();
  const run = client.cancelAll({ queue: "default" }, { pageSize: 2, signal: stop.signal, onProgress });
  await assert.rejects(run, failing("ABORTED"));
  assert.deepEqual((await client.queue("default")).counts, { READY: 8, CANCELLED: 2 });
});

test("watch / a job is seen from its enqueue to its end, and the loop ends with it", async () => {
  await using world = await openWorld();
  const handle = await world.client.enqueue(ChoreSchema, {});
  const worker = world.worker().handle(ChoreSchema, () => ({}));
  const states: string[] = [];
  for await (const event of handle.watch({ signal: soon() })) {
    if (states.length === 0) void worker.run();
    states.push(event.state);
    assert.equal(event.job.id, handle.id);
  }
  assert.deepEqual([states[0], states.at(-1)], ["READY", "COMPLETED"]);
  await assert.rejects(world.client.handle("nope").watch().next(), failing("JOB_NOT_FOUND", "nope"));
});

test("watch / goes on by itself over a broker that is restarted", async () => {
  await using world = await openWorld();
  const handle = await world.client.enqueue(ChoreSchema, {});
  const events = handle.watch({ signal: soon() });
  assert.equal((await events.next()).value?.state, "READY");
  await world.stopBroker();
  await world.startBroker();
  await handle.cancel();
  const rest: JobEvent[] = [];
  for await (const event of events) rest.push(event);
  assert.deepEqual(
    rest.map((event) => event.state),
    ["CANCELLED"],
    "and what was seen does not come again",
  );
});

test("watch / many jobs end the loop when all have ended, a chain shows all of its jobs", async () => {
  await using world = await openWorld();
  const { client } = world;
  const root = await client.enqueueTree({
    job: job(ChoreSchema, {}),
    children: [
      { key: "a", job: job(ChoreSchema, {}) },
      { key: "b", job: job(ChoreSchema, {}) },
    ],
  });
  const other = await client.enqueue(ChoreSchema, {});
  const worker = world.worker().handle(ChoreSchema, () => ({}));
  void worker.run();
  const ended = new Map<string, string>();
  for await (const { id, state } of client.watch({ ids: [root.id, other.id, "nope"] }, { signal: soon() })) {
    ended.set(id, state ?? "gone");
  }
  assert.deepEqual(Object.fromEntries(ended), { [root.id]: "COMPLETED", [other.id]: "COMPLETED", nope: "gone" });
  const keys = new Set<string>();
  for await (const { job: seen } of client.watch({ rootId: root.id }, { signal: soon() })) {
    if (seen?.state === "COMPLETED") keys.add(seen.key);
    if (keys.size === 3) break;
  }
  await assert.rejects(client.watch({ rootId: "nope" }).next(), failing("JOB_NOT_FOUND"));
});

test("watch / ends with its signal and with its client", async () => {
  await using world = await openWorld();
  const handle = await world.client.enqueue(ChoreSchema, {});
  const stop = new AbortController();
  const events = handle.watch({ signal: stop.signal });
  await events.next();
  const waiting = events.next();
  stop.abort();
  await assert.rejects(waiting, failing("ABORTED"));
  const client = world.connect();
  const others = client.handle(handle.id).watch();
  await others.next();
  const next = others.next();
  await client.close();
  await assert.rejects(next, failing("CLOSED"));
});
