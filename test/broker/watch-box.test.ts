import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { JobRole, JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService, type WatchJobsResponse } from "../../gen/conveyor/v1/job_service_pb.ts";
import { createWatchBox } from "../../src/broker/watch/watch-box.ts";
import { goneVersion } from "../../src/broker/watch/watch-context.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { parseJobId } from "../../src/core/names.ts";
import { sleep } from "../../src/runtime/abort.ts";
import { deferred, turnOfEventLoop } from "../../src/runtime/deferred.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import type { Store } from "../../src/store/store.ts";
import { jobToWire } from "../../src/wire/job-to-wire.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { openWatcher } from "./scripted-watcher.ts";
import { chore, startWorld } from "./world.ts";

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

test("watch box / of a slow watcher a job that is removed goes over its last state, and an older state over none", async (t) => {
  const world = await startWorld(t);
  const { id: text } = await world.call.enqueueChore();
  const id = parseJobId(text);
  const job = await world.store.getJob(id);
  assert.ok(job);
  const shown = jobToWire(job, "BASIC");
  const sent: WatchJobsResponse[] = [];
  const room = deferred<void>();
  let writable = false;
  const box = createWatchBox(
    {
      send: (frame) => sent.push(frame) > 0,
      get writable() {
        return writable;
      },
      closed: false,
      drained: () => room.promise,
      close: () => undefined,
      peer: "",
    },
    { slowMs: 60_000, token: () => "", onSlow: () => undefined },
  );
  box.put(id, 5, shown);
  box.put(id, 4, { ...shown, key: "older" });
  await turnOfEventLoop();
  const other = parseJobId("other");
  box.put(other, 5, shown);
  box.put(other, goneVersion, undefined);
  writable = true;
  room.resolve();
  await turnOfEventLoop();
  const told = sent.flatMap(({ events }) => events).map((event) => [event.id, event.job?.key]);
  assert.deepEqual(told, [
    [id, ""],
    [other, undefined],
  ]);
});

test("watch / of many jobs no more are held whole than are read at a time", async (t) => {
  const inner = await openMemoryStore({ defaults: serverDefaults });
  t.after(() => inner.close());
  const count = 300;
  const read: WeakRef<object>[] = [];
  let held: number | undefined;
  const store: Store = {
    ...inner,
    async getJob(id) {
      const job = await inner.getJob(id);
      if (job === undefined) return undefined;
      const copy = { ...job };
      read.push(new WeakRef(copy));
      if (read.length < 2 * count || held !== undefined) return copy;
      // What was read in this turn is held anyway.
      await turnOfEventLoop();
      collect();
      held = read.filter((each) => each.deref() !== undefined).length;
      return copy;
    },
  };
  const world = await startWorld(t, { store });
  const ids = Array.from({ length: count }, (_, index) => `job-${index}`);
  // Each is read once for the answer of its enqueue.
  await Promise.all(ids.map((id) => world.call.enqueueChore("", { id })));
  const watcher = openWatcher(world.client, { ids });
  await watcher.once(() => watcher.events.length === count);
  assert.ok(held !== undefined && held > 0 && held <= 50, `${held} of ${count} were held`);
});

test("watch / of the jobs of a chain none is held whole once it was told", async (t) => {
  const inner = await openMemoryStore({ defaults: serverDefaults });
  t.after(() => inner.close());
  const count = 300;
  let read: WeakRef<object>[] = [];
  const store: Store = {
    ...inner,
    async listJobs(filter, page) {
      const found = await inner.listJobs(filter, page);
      const items = found.items.map((job) => ({ ...job }));
      read.push(...items.map((job) => new WeakRef(job)));
      return { ...found, items };
    },
  };
  const world = await startWorld(t, { store });
  const nodes = Array.from({ length: count }, () => ({ parentIndex: 0, node: { role: JobRole.CHILD, job: chore() } }));
  const tree = { nodes: [{ node: { job: chore() } }, ...nodes] };
  const root = await world.call.enqueue({ case: "tree", value: tree });
  const watcher = openWatcher(world.client, { rootId: root.id });
  await watcher.once(() => watcher.events.length > count);
  await callUnary(world.client, JobService.method.cancelJob, { id: root.id });
  const cancelled = () =>
    new Set(watcher.events.filter(({ job }) => job?.state === JobState.CANCELLED).map(({ id }) => id));
  await watcher.once(() => cancelled().size > count);
  const told = read;
  read = [];
  let held = told.length;
  // The look that told them may still be under way.
  for (let tries = 0; held > 0 && tries < 20; tries += 1) {
    await sleep(50);
    collect();
    held = told.filter((each) => each.deref() !== undefined).length;
  }
  assert.ok(told.length > count && held === 0, `${held} of ${told.length} were held`);
});
