import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Client } from "@grpc/grpc-js";
import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { Health, HealthCheckResponse_ServingStatus } from "../../gen/grpc/health/v1/health_pb.ts";
import type { BrokerOptions } from "../../src/broker/index.ts";
import type { ConveyorError } from "../../src/core/errors.ts";
import { createLogger } from "../../src/runtime/logger.ts";
import type { Store } from "../../src/store/store.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { failingStore, gatedStore } from "./gated-store.ts";
import { startWorld } from "./world.ts";

const success = { case: "success" as const, value: {} };

async function healthOf(client: Client, service = ""): Promise<HealthCheckResponse_ServingStatus> {
  return (await callUnary(client, Health.method.check, { service })).status;
}

async function untilHealth(client: Client, wanted: HealthCheckResponse_ServingStatus): Promise<void> {
  for (let looks = 0; looks < 2_000; looks += 1) if ((await healthOf(client)) === wanted) return;
  assert.fail(`health did not turn ${wanted}`);
}

test("outage / a store that fails refuses calls, turns health, and takes everything up again by itself", async (t) => {
  const { store, outage } = await failingStore();
  const { call, worker, client } = await startWorld(t, { store });
  const at = await worker();
  await call.enqueueChores(2);
  const [first, second] = await at.deliveries(2);
  outage.code = "STORE_UNAVAILABLE";
  await untilHealth(client, HealthCheckResponse_ServingStatus.NOT_SERVING);
  await assert.rejects(call.enqueueChore(), (error: ConveyorError) => error.code === "STORE_UNAVAILABLE");
  at.result({ leaseId: first?.leaseId ?? "", outcome: success });
  at.heartbeat({ receivedThrough: 2, held: [first?.leaseId ?? "", second?.leaseId ?? ""] });
  await at.next("ping");
  await at.next("ping");
  assert.equal(at.waiting("resultAcks").length, 0);
  outage.code = undefined;
  assert.equal((await at.acks(1))[0]?.state, JobState.COMPLETED);
  await untilHealth(client, HealthCheckResponse_ServingStatus.SERVING);
  const job = await call.enqueueChore();
  assert.equal((await at.deliveries(1))[0]?.jobId, job.id);
  assert.equal((await call.getJob(second?.jobId ?? "")).state, JobState.RUNNING);
});

test("outage / a full store refuses inserts by name and keeps results until it has room", async (t) => {
  const { store, outage } = await failingStore();
  const { call, worker } = await startWorld(t, { store });
  const at = await worker();
  await call.enqueueChore();
  const [lease] = await at.deliveries(1);
  outage.code = "STORE_FULL";
  await assert.rejects(call.enqueueChore(), (error: ConveyorError) => error.code === "STORE_FULL");
  await assert.rejects(call.enqueueChores(3), (error: ConveyorError) => error.code === "STORE_FULL");
  at.result({ leaseId: lease?.leaseId ?? "", outcome: success });
  await at.next("ping");
  outage.code = undefined;
  assert.equal((await at.acks(1))[0]?.state, JobState.COMPLETED);
});

/** A worker with one running job at a broker that ends sessions soon. */
async function runningJob(t: TestContext, options: Partial<BrokerOptions>) {
  const { call, worker, client } = await startWorld(t, {
    ...options,
    // Calm lasts far longer than failures lie apart on a busy machine: health turns once.
    intervals: { sessionTtlMs: 600, pollMs: 20, heartbeatMs: 40, calmMs: 1_500 },
  });
  const at = await worker();
  const job = await call.enqueueChore();
  const [lease] = await at.deliveries(1);
  const leaseId = lease?.leaseId ?? "";
  const pings = async (times: number, beat: boolean) => {
    for (let beats = 0; beats < times; beats += 1) {
      await at.next("ping");
      if (beat) at.heartbeat({ receivedThrough: 1, held: [leaseId] });
    }
  };
  return {
    client,
    beat: (times: number) => pings(times, true),
    silence: (times: number) => pings(times, false),
    /** The very first attempt can still end it: no session was ended meanwhile. */
    async endsUnharmed() {
      at.result({ leaseId, outcome: success });
      assert.equal((await at.acks(1))[0]?.state, JobState.COMPLETED);
      const done = await call.getJob(job.id);
      assert.deepEqual({ attempt: done.attempt, crashes: done.crashCount }, { attempt: 1, crashes: 0 });
    },
  };
}

test("outage / nothing is reaped until the store was reached for one full time to live again", async (t) => {
  const { store, outage } = await failingStore();
  const { beat, endsUnharmed } = await runningJob(t, { store });
  await beat(20);
  outage.code = "STORE_UNAVAILABLE";
  await beat(25);
  outage.code = undefined;
  await beat(20);
  await endsUnharmed();
});

for (const code of ["STORE_FULL", "STORE_UNAVAILABLE"] as const) {
  test(`outage / sessions outlive commits that fail with ${code} while all else works, and health turns once`, async (t) => {
    const { store, outage } = await failingStore();
    const lines: string[] = [];
    const logger = createLogger({ level: "info", write: (line) => lines.push(line) });
    const { client, beat, silence, endsUnharmed } = await runningJob(t, { store, logger });
    await beat(20);
    Object.assign(outage, { code, commitsOnly: true });
    await beat(1);
    await untilHealth(client, HealthCheckResponse_ServingStatus.NOT_SERVING);
    for (let beats = 0; beats < 30; beats += 1) {
      await beat(1);
      assert.equal(await healthOf(client), HealthCheckResponse_ServingStatus.NOT_SERVING);
    }
    outage.code = undefined;
    await silence(5);
    // Heartbeats go on, or the session would rightly end.
    do await beat(1);
    while ((await healthOf(client)) !== HealthCheckResponse_ServingStatus.SERVING);
    await beat(20);
    await endsUnharmed();
    assert.deepEqual(
      lines.flatMap((line) => /store (?:not reached|reached again)/.exec(line) ?? []),
      ["store not reached", "store reached again"],
    );
  });
}

test("outage / a clock of the store that leaps over the time to live ends no session that is renewed", async (t) => {
  let leapMs = 0;
  let reaps = 0;
  const now = () => Date.now() + leapMs;
  const { store: inner } = await failingStore({ clock: now });
  const store: Store = {
    ...inner,
    reap: (request) => {
      reaps += 1;
      return inner.reap(request);
    },
  };
  const { beat, silence, endsUnharmed } = await runningJob(t, { store });
  const untilReaped = async () => {
    for (const before = reaps; reaps === before; ) await beat(1);
  };
  await untilReaped();
  await silence(2); // the last heartbeat was heard before the leap
  leapMs = 60_000;
  await silence(3);
  await untilReaped();
  await endsUnharmed();
});

test("outage / one item on which the store breaks spoils no other of its batch", async (t) => {
  const { store: inner } = await gatedStore();
  const store = {
    ...inner,
    commit: (batch: Parameters<typeof inner.commit>[0]) => {
      const poison = batch.insert.some(({ trees }) => trees.some(({ root }) => root.id === "poison"));
      if (poison) throw new TypeError("cannot read what it is");
      return inner.commit(batch);
    },
  };
  const { call, worker } = await startWorld(t, { store });
  const at = await worker();
  const answers = await Promise.allSettled([
    call.enqueueChore("", { id: "before" }),
    call.enqueueChore("", { id: "poison" }),
    call.enqueueChore("", { id: "after" }),
  ]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  const [, broken] = answers;
  assert.doesNotMatch(broken?.status === "rejected" ? String(broken.reason) : "", /cannot read/);
  assert.equal((await at.deliveries(2)).length, 2);
});
