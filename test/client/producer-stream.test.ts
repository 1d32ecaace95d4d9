import assert from "node:assert/strict";
import { test } from "node:test";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { connect, type JobHandle, job } from "../../src/index.ts";
import type { Store } from "../../src/store/store.ts";
import { gatedStore } from "../broker/gated-store.ts";
import { startTwoWorlds } from "../broker/two-worlds.ts";
import { startWorld } from "../broker/world.ts";
import { failing } from "./failing.ts";
import { openWorld } from "./world.ts";

const chores = (count: number) => Array.from({ length: count }, (_, index) => job(ChoreSchema, { script: `${index}` }));

test("producer / jobs run in the order of their enqueue, however many there are", async () => {
  await using world = await openWorld();
  const seen: string[] = [];
  const entries = await world.client.enqueueBatch(chores(3_000));
  assert.ok(entries.every((entry) => entry.kind === "accepted"));
  const worker = world.worker({ concurrency: 1 }).handle(ChoreSchema, ({ script }) => {
    seen.push(script);
    return {};
  });
  const running = worker.run();
  const last = entries.at(-1);
  if (last?.kind === "accepted") await last.job.wait();
  await worker.stop();
  await running;
  assert.deepEqual(
    seen,
    Array.from({ length: 3_000 }, (_, index) => `${index}`),
  );
});

test("producer / close waits for what is being enqueued, and takes no more", async (t) => {
  const { store, gate } = await gatedStore();
  const { broker } = await startWorld(t, { store });
  const client = connect(broker.address);
  await client.enqueue(ChoreSchema, {});
  gate.hold(({ insert }) => insert.length > 0);
  const enqueued = chores(10).map((each) => client.enqueue(ChoreSchema, each.init as object));
  await gate.held();
  const late = Array.from({ length: 5 }, () => client.enqueue(ChoreSchema, {}));
  const closed = client.close();
  await assert.rejects(client.enqueue(ChoreSchema, {}), failing("CLOSED"));
  gate.go();
  await closed;
  const ids = (await Promise.all([...enqueued, ...late])).map((handle: JobHandle) => handle.id);
  const { jobs } = await store.dump();
  assert.deepEqual(new Set(jobs.slice(1).map((each) => each.id as string)), new Set(ids));
});

test("producer / when its broker stops, what is on its way goes to another one, each job once", async (t) => {
  let newest = 0;
  const wrap = (store: Store, index: number): Store => ({
    ...store,
    commit(batch) {
      if (batch.insert.length > 0) newest = index;
      return store.commit(batch);
    },
  });
  const worlds = await startTwoWorlds(t, { wrap, intervals: { stopMs: 5_000 } });
  await using client = connect(worlds.map((world) => world.broker.address));
  const rounds: Promise<JobHandle>[] = [];
  let going = true;
  const lane = async () => {
    while (going) {
      const enqueued = client.enqueue(ChoreSchema, {});
      rounds.push(enqueued);
      await enqueued;
    }
  };
  const lanes = Array.from({ length: 16 }, lane);
  await Promise.all(Array.from({ length: 50 }, () => client.enqueue(ChoreSchema, {})));
  const first = newest;
  await worlds[first === 0 ? 0 : 1].broker.stop();
  await Promise.all(Array.from({ length: 50 }, () => client.enqueue(ChoreSchema, {})));
  going = false;
  await Promise.all(lanes);
  const handles = await Promise.all(rounds);
  assert.notEqual(newest, first);
  assert.equal((await worlds[0].store.dump()).jobs.length, handles.length + 100);
  assert.ok(handles.every((handle) => !handle.deduplicated));
});

test("producer / what is too large for a frame is refused before it is sent, and harms no neighbour", async () => {
  await using world = await openWorld();
  const { client } = world;
  const tree = {
    job: job(ChoreSchema, {}),
    children: chores(5).map((each) => ({ job: { ...each, init: { ballast: new Uint8Array(1_000_000) } } })),
  };
  const good = client.enqueue(ChoreSchema, {});
  await assert.rejects(client.enqueueTree(tree), failing("BATCH_TOO_LARGE"));
  await good;
  assert.deepEqual((await client.queue("default")).counts, { READY: 1 });
});

test("producer / a broker that stops waits for no producer that has nothing to send", async (t) => {
  const { broker, call } = await startWorld(t, { intervals: { stopMs: 600_000 } });
  await using client = connect(broker.address);
  await client.enqueue(ChoreSchema, {});
  await broker.stop();
  await assert.rejects(call.getQueue("default"), failing("BROKER_UNREACHABLE"));
});
