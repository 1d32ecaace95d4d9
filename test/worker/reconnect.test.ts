import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { ChoreSchema, SendEmailSchema } from "../../gen/shop/v1/shop_pb.ts";
import { serverDefaults } from "../../src/core/job.ts";
import type { WorkerState } from "../../src/index.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { openSqliteStore } from "../../src/store/sqlite/store.ts";
import { soon } from "../client/failing.ts";
import { openWorld, type World } from "../client/world.ts";

/** A world whose brokers share a file, one after the other. */
async function openFileWorld(): Promise<World> {
  const folder = mkdtempSync(path.join(tmpdir(), "conveyor-worker-"));
  const world = await openWorld({
    openStore: () => openSqliteStore(path.join(folder, "jobs.db"), { defaults: serverDefaults }),
  });
  return {
    ...world,
    async [Symbol.asyncDispose]() {
      await world[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true });
    },
  };
}

/** Resolves each time that the worker gets into a state. */
function stateWatch() {
  const waiting = new Map<WorkerState, () => void>();
  return {
    onStateChange: (state: WorkerState) => waiting.get(state)?.(),
    next(state: WorkerState): Promise<void> {
      const { promise, resolve } = deferred<void>();
      waiting.set(state, resolve);
      return promise;
    },
  };
}

test("reconnect / a broker that is away at the start is waited for", async () => {
  await using world = await openWorld();
  const handle = await world.client.enqueue(SendEmailSchema, {});
  await world.stopBroker();
  const watch = stateWatch();
  const worker = world.worker(watch).handle(SendEmailSchema, () => ({ messageId: "1" }));
  const away = watch.next("disconnected");
  void worker.run();
  await away;
  await world.startBroker();
  assert.equal((await handle.wait({ signal: soon() })).state, "COMPLETED");
});

test("reconnect / a restart of the broker on its file runs nothing twice (23)", async () => {
  await using world = await openFileWorld();
  const watch = stateWatch();
  const gate = deferred<void>();
  const allStarted = deferred<void>();
  const runs: string[] = [];
  let aborts = 0;
  const worker = world
    .worker({ onStateChange: watch.onStateChange, concurrency: 100, window: 100 })
    .handle(ChoreSchema, async ({ script }, context) => {
      runs.push(script);
      context.signal.addEventListener("abort", () => {
        aborts += 1;
      });
      if (runs.length === 100) allStarted.resolve();
      await gate.promise;
    });
  void worker.run();
  const handles = [];
  for (let index = 0; index < 100; index += 1) {
    handles.push(await world.client.enqueue(ChoreSchema, { script: `${index}` }));
  }
  await allStarted.promise;
  const again = watch.next("connected");
  await world.stopBroker();
  await world.startBroker();
  await again;
  gate.resolve();
  for (const handle of handles) {
    const info = await handle.wait({ signal: soon() });
    assert.deepEqual([info.state, info.attempt, info.crashCount, info.releaseCount], ["COMPLETED", 1, 0, 0]);
  }
  assert.deepEqual([runs.length, new Set(runs).size, aborts], [100, 100, 0]);
});

test("reconnect / a result that came while the broker was away is sent again, and counts", async () => {
  await using world = await openFileWorld();
  const watch = stateWatch();
  const started = deferred<void>();
  const gate = deferred<void>();
  let runs = 0;
  const worker = world.worker(watch).handle(SendEmailSchema, async (_, context) => {
    runs += 1;
    started.resolve();
    await gate.promise;
    context.child(ChoreSchema, {}, { key: "declared" });
    return { messageId: "kept" };
  });
  void worker.run();
  const handle = await world.client.enqueue(SendEmailSchema, {});
  await started.promise;
  const away = watch.next("disconnected");
  await world.stopBroker();
  await away;
  gate.resolve();
  await world.startBroker();
  const info = await handle.wait({ until: "RAN", signal: soon() });
  assert.deepEqual([info.state, info.attempt, info.pendingChildren, runs], ["AWAITING_CHILDREN", 1, 1, 1]);
});

test("reconnect / what had not begun begins once afterwards", async () => {
  await using world = await openFileWorld();
  const watch = stateWatch();
  const started = deferred<void>();
  const gate = deferred<void>();
  const runs: string[] = [];
  const worker = world
    .worker({ onStateChange: watch.onStateChange, concurrency: 1, window: 6 })
    .handle(ChoreSchema, async ({ script }) => {
      runs.push(script);
      started.resolve();
      await gate.promise;
    });
  void worker.run();
  const handles = [];
  for (let index = 0; index < 6; index += 1) {
    handles.push(await world.client.enqueue(ChoreSchema, { script: `${index}` }));
  }
  await started.promise;
  while ((await world.client.queue("default")).counts.RUNNING !== 6);
  const away = watch.next("disconnected");
  await world.stopBroker();
  await away;
  gate.resolve();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(runs.length, 1, "a lease that may be lost is not begun");
  await world.startBroker();
  for (const handle of handles) {
    const info = await handle.wait({ signal: soon() });
    assert.deepEqual([info.state, info.attempt], ["COMPLETED", 1]);
  }
  assert.deepEqual(runs, ["0", "1", "2", "3", "4", "5"]);
});

test("reconnect / a stop while the broker is away waits for it to take the results", async () => {
  await using world = await openFileWorld();
  const watch = stateWatch();
  const started = deferred<void>();
  const gate = deferred<void>();
  const worker = world.worker(watch).handle(ChoreSchema, async () => {
    started.resolve();
    await gate.promise;
  });
  const done = worker.run();
  const handle = await world.client.enqueue(ChoreSchema, {});
  await started.promise;
  const away = watch.next("disconnected");
  await world.stopBroker();
  await away;
  const stopped = worker.stop();
  gate.resolve();
  await world.startBroker();
  await Promise.all([stopped, done]);
  const info = await handle.get();
  assert.deepEqual([info.state, info.attempt, info.crashCount], ["COMPLETED", 1, 0]);
});
