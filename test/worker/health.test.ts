import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import type { Worker } from "../../src/index.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { soon } from "../client/failing.ts";
import { openWorld } from "../client/world.ts";
import { type Link, openLink } from "../wire/link.ts";

const watchdogMs = 600;
const intervals = { heartbeatMs: 100, watchdogMs };

/** Looks at the health in every turn until it is so; meanwhile no silence longer than the watchdog may be called healthy. */
async function until(worker: Worker, healthy: boolean, truth: (healthy: boolean) => void = () => undefined) {
  for (const end = Date.now() + 15_000; ; await new Promise(setImmediate)) {
    const now = worker.health();
    assert.ok(!now.healthy || (now.silentMs ?? Number.POSITIVE_INFINITY) <= watchdogMs, JSON.stringify(now));
    truth(now.healthy);
    if (now.healthy === healthy) return now;
    assert.ok(Date.now() < end, `healthy was to be ${healthy}: ${JSON.stringify(now)}`);
  }
}

test("health / is told of each state by what can be proven, and over HTTP", async () => {
  await using world = await openWorld({ intervals });
  const worker = world.worker().handle(ChoreSchema, () => undefined);
  assert.deepEqual([worker.health().healthy, worker.health().state], [false, "idle"]);
  const server = createServer(worker.healthHandler()).listen(0, "127.0.0.1");
  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/healthz`;
  const done = worker.run();
  const well = await until(worker, true);
  assert.equal(well.address, world.address);
  assert.equal((await fetch(url())).status, 200);
  assert.equal((await fetch(url(), { method: "POST" })).status, 405);
  await world.stopBroker();
  await until(worker, false);
  const answer = await fetch(url());
  assert.equal(answer.status, 503);
  const body: unknown = await answer.json();
  assert.ok(typeof body === "object" && body !== null && "problem" in body && typeof body.problem === "string");
  await world.startBroker();
  await until(worker, true);
  await worker.stop();
  await done;
  assert.deepEqual([worker.health().healthy, worker.health().state], [false, "stopped"]);
  server.close();
});

test("health / a worker without room for handlers is not healthy", async () => {
  await using world = await openWorld({ intervals });
  const gate = deferred<void>();
  const worker = world.worker({ concurrency: 1 }).handle(ChoreSchema, () => gate.promise);
  void worker.run();
  for (let index = 0; index < 2; index += 1)
    await world.client.enqueue(ChoreSchema, {}, { timeout: "50ms", maxAttempts: 1 });
  const { problem } = await until(worker, false).then(() => untilStuck(worker));
  assert.match(problem ?? "", /no room/);
  gate.resolve();
  await until(worker, true);
});

async function untilStuck(worker: Worker) {
  for (const end = Date.now() + 15_000; Date.now() < end; await new Promise(setImmediate)) {
    const now = worker.health();
    if (now.problem?.includes("room")) return now;
  }
  return worker.health();
}

test("health / a connection that is slow by 2 s is a connection", async () => {
  await using world = await openWorld({ intervals: { watchdogMs: 8_000 } });
  await using link = await openLink(world.address);
  const states: string[] = [];
  const worker = world
    .worker({ onStateChange: (state) => states.push(state) }, link.address)
    .handle(ChoreSchema, () => undefined);
  void worker.run();
  while (!worker.health().healthy) await new Promise(setImmediate);
  link.delay(2_000);
  const handle = await world.client.enqueue(ChoreSchema, {});
  const info = await handle.wait({ signal: soon() });
  assert.deepEqual([info.state, info.attempts.length], ["COMPLETED", 1]);
  assert.deepEqual(states, ["connecting", "connected"]);
  link.delay(0);
});

const faults: Readonly<Record<string, (link: Link) => void>> = {
  "cuts the connection": (link) => link.cut(),
  "stalls half-open": (link) => link.stall(),
  "resets it in the middle of a frame": (link) => link.tear(5),
  "delays everything by 2 s": (link) => link.delay(2_000),
};

for (const [what, strike] of Object.entries(faults)) {
  test(`deaf / a worker behind a proxy that ${what} recovers by itself and is never called healthy while deaf`, async () => {
    await using world = await openWorld({ intervals });
    await using link = await openLink(world.address);
    const gate = deferred<void>();
    const started = deferred<void>();
    const starts: string[] = [];
    const worker = world.worker({ concurrency: 4 }, link.address).handle(ChoreSchema, async ({ script }) => {
      starts.push(script);
      started.resolve();
      if (script === "held") await gate.promise;
    });
    void worker.run();
    const held = await world.client.enqueue(ChoreSchema, { script: "held" });
    await started.promise;
    await until(worker, true);
    for (let round = 0; round < 3; round += 1) {
      strike(link);
      await until(worker, false);
      link.delay(0);
      await until(worker, true);
      const probe = await world.client.enqueue(ChoreSchema, { script: `probe-${round}` });
      assert.equal((await probe.wait({ signal: soon() })).state, "COMPLETED");
    }
    gate.resolve();
    const info = await held.wait({ signal: soon() });
    assert.deepEqual([info.state, info.attempts.length, info.crashCount], ["COMPLETED", 1, 0]);
    assert.deepEqual(starts.toSorted(), ["held", "probe-0", "probe-1", "probe-2"], "nothing started twice");
  });
}
