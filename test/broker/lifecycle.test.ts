import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { createBroker } from "../../src/broker/index.ts";
import type { ConveyorError } from "../../src/core/errors.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import { openSqliteStore } from "../../src/store/sqlite/store.ts";
import { startWorld } from "./world.ts";

const success = { case: "success" as const, value: {} };

test("lifecycle / an address in use, an unsafe one and no address at all are refused by name", async (t) => {
  const { broker } = await startWorld(t);
  const store = await openMemoryStore({ defaults: serverDefaults });
  const starting = (listen: string) => createBroker({ store, listen }).start();
  const code = (wanted: string) => (error: ConveyorError) => error.code === wanted;
  await assert.rejects(starting(broker.address), code("ADDRESS_IN_USE"));
  await assert.rejects(starting("0.0.0.0:0"), code("ADDRESS_UNSAFE"));
  await assert.rejects(starting("[::]:0"), code("ADDRESS_UNSAFE"));
  await assert.rejects(starting("nowhere"), code("INVALID_OPTION"));
  await assert.rejects(starting("127.0.0.1:99999"), code("INVALID_OPTION"));
});

test("lifecycle / beyond loopback it listens only when told that it is insecure", async (t) => {
  const store = await openMemoryStore({ defaults: serverDefaults });
  const broker = createBroker({ store, listen: "0.0.0.0:0", insecure: true });
  t.after(() => broker.stop());
  await broker.start();
  assert.match(broker.address, /^0\.0\.0\.0:\d+$/);
});

test("lifecycle / a stop before the start and a second stop are harmless", async () => {
  const store = await openMemoryStore({ defaults: serverDefaults });
  const broker = createBroker({ store, listen: "127.0.0.1:0" });
  await broker.stop();
  await broker.stop();
  await assert.rejects(broker.start(), (error: ConveyorError) => error.code === "CLOSED");
});

test("lifecycle / a stop lets results in flight finish, ends streams with DRAINING, and waits with it", async (t) => {
  const { broker, call, worker, store } = await startWorld(t);
  const at = await worker();
  const job = await call.enqueueChore();
  const waiting = call.waitJob("nobody-yet").catch((error: ConveyorError) => error.code);
  const idle = await call.enqueueChore("", { queue: "other" });
  const waiter = call.waitJob(idle.id).catch((error: ConveyorError) => error.code);
  const [lease] = await at.deliveries(1);
  at.result({ leaseId: lease?.leaseId ?? "", outcome: success });
  await at.acks(1);
  await broker.stop();
  assert.equal((await at.ended)?.code, "DRAINING");
  assert.equal(await waiting, "JOB_NOT_FOUND");
  assert.equal(await waiter, "DRAINING");
  assert.equal((await store.getJob(job.id as never))?.state, "COMPLETED");
  await assert.rejects(call.getJob(job.id), (error: ConveyorError) => error.code === "BROKER_UNREACHABLE");
});

test("lifecycle / running jobs go on over a restart of broker and SQLite file (22, 23)", async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), "conveyor-broker-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = path.join(folder, "jobs.db");
  const first = await openSqliteStore(file, { defaults: serverDefaults });
  const before = await startWorld(t, { store: first });
  const at = await before.worker();
  const { results } = await before.call.enqueueChores(100);
  const leaseIds = (await at.deliveries(100)).map((each) => each.leaseId);
  at.result({ leaseId: leaseIds[0] ?? "", outcome: success });
  await at.acks(1);
  await before.broker.stop();
  await first.close();

  const second = await openSqliteStore(file, { defaults: serverDefaults });
  t.after(() => second.close());
  const after = await startWorld(t, { store: second });
  const again = await after.worker({
    resume: { sessionId: at.welcome.sessionId, held: leaseIds.slice(1).map((leaseId) => ({ leaseId })) },
  });
  assert.equal(again.welcome.keptLeaseIds.length, 99);
  again.send({ case: "results", value: { results: leaseIds.map((leaseId) => ({ leaseId, outcome: success })) } });
  const acks = await again.acks(100);
  assert.equal(
    acks.every((ack) => ack.state === JobState.COMPLETED && ack.error === undefined),
    true,
  );
  const jobs = await Promise.all(results.map(({ id }) => after.call.getJob(id)));
  assert.equal(
    jobs.every((job) => job.attempt === 1 && job.attempts.length === 1),
    true,
  );
});
