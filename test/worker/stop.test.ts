import assert from "node:assert/strict";
import { test } from "node:test";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { createWorker, job, type WorkerState } from "../../src/index.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { failing, soon } from "../client/failing.ts";
import { openWorld, type World } from "../client/world.ts";

/** Every job, with its counts. */
async function jobsOf(world: World) {
  const jobs = [];
  for await (const each of world.client.list({ full: true, pageSize: 1_000 })) jobs.push(each);
  return jobs;
}

test("stop / waits for what runs, gives back what has not begun, and burns nothing (36)", async () => {
  await using world = await openWorld();
  const started = deferred<void>();
  const gate = deferred<void>();
  const worker = world.worker({ concurrency: 1, window: 5 }).handle(ChoreSchema, async () => {
    started.resolve();
    await gate.promise;
  });
  const done = worker.run();
  for (let index = 0; index < 5; index += 1) await world.client.enqueue(ChoreSchema, { script: `${index}` });
  await started.promise;
  while ((await world.client.queue("default")).counts.RUNNING !== 5);
  const stopped = worker.stop();
  while ((await world.client.queue("default")).counts.READY !== 4);
  gate.resolve();
  await Promise.all([stopped, done]);
  const jobs = await jobsOf(world);
  assert.deepEqual(jobs.map((each) => each.state).toSorted(), ["COMPLETED", "READY", "READY", "READY", "READY"]);
  assert.ok(jobs.every((each) => each.failureCount === 0 && each.crashCount === 0));
});

test("stop / what does not end by the deadline is aborted and ready again with no budget spent (36)", async () => {
  await using world = await openWorld();
  const reasons: unknown[] = [];
  const started = [deferred<void>(), deferred<void>()];
  const never = deferred<void>();
  const worker = world.worker({ concurrency: 2 }).handle(ChoreSchema, async ({ script }, { signal }) => {
    signal.addEventListener("abort", () => reasons.push(signal.reason));
    started[Number(script)]?.resolve();
    if (script === "0") await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    else await never.promise; // ignores its abort
  });
  const done = worker.run();
  await world.client.enqueue(ChoreSchema, { script: "0" });
  await world.client.enqueue(ChoreSchema, { script: "1" });
  await Promise.all(started.map((each) => each.promise));
  await Promise.all([worker.stop({ deadlineMs: 100 }), done]);
  assert.equal(reasons.length, 2);
  for (const reason of reasons) failing("CLOSED", "100 ms")(reason);
  for (const info of await jobsOf(world)) {
    assert.deepEqual(
      [info.state, info.failureCount, info.crashCount, info.releaseCount, info.attempts[0]?.outcome],
      ["READY", 0, 0, 1, "RELEASED"],
    );
  }
  never.resolve();
});

test("stop / under load loses and burns nothing (41)", async () => {
  await using world = await openWorld();
  const total = 3_000;
  const runs = new Map<string, number>();
  const entries = await world.client.enqueueBatch(
    Array.from({ length: total }, (_, index) => job(ChoreSchema, { script: `${index}` })),
  );
  assert.equal(entries.length, total);
  while (runs.size < total) {
    const enough = deferred<void>();
    let ran = 0;
    const worker = world.worker({ concurrency: 20 }).handle(ChoreSchema, async ({ script }) => {
      runs.set(script, (runs.get(script) ?? 0) + 1);
      await new Promise((resolve) => setImmediate(resolve));
      ran += 1;
      if (ran === 400 || runs.size === total) enough.resolve();
    });
    const done = worker.run();
    await enough.promise;
    await Promise.all([worker.stop(), done]);
  }
  assert.equal([...runs.values()].filter((count) => count !== 1).length, 0, "nothing ran twice");
  const jobs = await jobsOf(world);
  assert.equal(jobs.filter((each) => each.state === "COMPLETED").length, total);
  assert.ok(jobs.every((each) => each.failureCount === 0 && each.crashCount === 0));
});

test("stop / many starts and stops, some before the first connection, end well (37)", async () => {
  await using world = await openWorld();
  await world.client.enqueueBatch(Array.from({ length: 200 }, () => job(ChoreSchema, {})));
  for (let round = 0; round < 30; round += 1) {
    const worker = world.worker({ concurrency: 2 }).handle(ChoreSchema, () => undefined);
    const done = worker.run();
    if (round % 3 === 1) await new Promise((resolve) => setImmediate(resolve));
    if (round % 3 === 2) await world.client.queue("default");
    await Promise.all([worker.stop(), done, worker.stop()]);
  }
  const jobs = await jobsOf(world);
  assert.ok(jobs.every((each) => each.state === "COMPLETED" || each.state === "READY"));
  assert.ok(jobs.every((each) => each.failureCount === 0 && each.crashCount === 0));
});

test("stop / before the start is a stop: run ends at once (37)", async () => {
  const worker = createWorker("127.0.0.1:1").handle(ChoreSchema, () => undefined);
  await worker.stop();
  await worker.run();
  assert.throws(() => worker.handle(ChoreSchema, () => undefined), failing("CLOSED"));
});

test("stop / by a signal, also by one that came before", async () => {
  await using world = await openWorld();
  const stop = new AbortController();
  const states: WorkerState[] = [];
  const connected = deferred<void>();
  const worker = world.worker({
    onStateChange(state) {
      states.push(state);
      if (state === "connected") connected.resolve();
    },
  });
  const done = worker.handle(ChoreSchema, () => undefined).run({ signal: stop.signal });
  await connected.promise;
  await assert.rejects(worker.run(), failing("CLOSED", "once"));
  stop.abort();
  await done;
  assert.deepEqual(states, ["connecting", "connected", "stopping", "stopped"]);
  const late = world.worker().handle(ChoreSchema, () => undefined);
  await late.run({ signal: AbortSignal.abort() });
});

test("stop / with the broker away ends at once when nothing is in hand", async () => {
  await using world = await openWorld();
  await world.stopBroker();
  const disconnected = deferred<void>();
  const worker = world.worker({ onStateChange: (state) => state === "disconnected" && disconnected.resolve() });
  const done = worker.handle(ChoreSchema, () => undefined).run();
  await disconnected.promise;
  await Promise.all([worker.stop(), done]);
});

test("hooks / a throwing hook loses nothing (31)", async () => {
  await using world = await openWorld();
  let errors = 0;
  const worker = world
    .worker({
      onError() {
        errors += 1;
        throw new Error("the hook broke");
      },
      async onStateChange() {
        throw new Error("this one too");
      },
    })
    .handle(ChoreSchema, (_, context) => {
      if (context.attempt === 1) throw new Error("first");
    });
  void worker.run();
  const handle = await world.client.enqueue(ChoreSchema, {}, { backoff: { kind: "FIXED", initial: "1ms" } });
  const info = await handle.wait({ signal: soon() });
  assert.deepEqual([info.state, info.failureCount, errors], ["COMPLETED", 1, 1]);
});

test("hooks / an error says which attempt of which job", async () => {
  await using world = await openWorld();
  const told = deferred<readonly unknown[]>();
  const broke = new Error("broke");
  const worker = world.worker({ onError: (...args) => told.resolve(args) }).handle(ChoreSchema, () => {
    throw broke;
  });
  void worker.run();
  const handle = await world.client.enqueue(ChoreSchema, {}, { maxAttempts: 1 });
  assert.deepEqual(await told.promise, [
    broke,
    { kind: "handler", jobId: handle.id, type: "shop.v1.Chore", attempt: 1 },
  ]);
});

test("queues / a queue's own bound holds beside the worker's", async () => {
  await using world = await openWorld();
  let running = 0;
  let most = 0;
  const worker = world.worker({ concurrency: 10, queues: { narrow: { concurrency: 2 } } }).handle(
    ChoreSchema,
    async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running -= 1;
    },
    { queue: "narrow" },
  );
  const entries = await world.client.enqueueBatch(
    Array.from({ length: 40 }, () => job(ChoreSchema, {}, { queue: "narrow" })),
  );
  void worker.run();
  for (const entry of entries) if (entry.kind === "accepted") await entry.job.wait({ signal: soon() });
  assert.equal(most, 2);
});
