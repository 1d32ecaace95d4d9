import assert from "node:assert/strict";
import { test } from "node:test";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { failing, soon } from "../client/failing.ts";
import { openWorld } from "../client/world.ts";
import { soonOr } from "./scripted-broker.ts";

test("time-out / a handler over its time is aborted with the reason, and its attempt has failed", async () => {
  await using world = await openWorld();
  const reason = deferred<unknown>();
  const worker = world.worker().handle(ChoreSchema, async (_, { signal, timeoutMs }) => {
    assert.equal(timeoutMs, 40);
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    reason.resolve(signal.reason);
  });
  void worker.run();
  const handle = await world.client.enqueue(ChoreSchema, {}, { timeout: "40ms", maxAttempts: 1 });
  const info = await handle.wait({ signal: soon() });
  failing("TIMED_OUT", "40 ms")(await reason.promise);
  assert.deepEqual([info.state, info.attempts[0]?.outcome], ["DEAD", "TIMED_OUT"]);
});

test("time-out / a handler that ignores its abort ends all the same, and its slot is replaced (40)", async () => {
  await using world = await openWorld();
  const never = deferred<void>();
  const worker = world.worker({ concurrency: 1 }).handle(ChoreSchema, async ({ script }) => {
    if (script === "stuck") await never.promise;
  });
  void worker.run();
  const stuck = await world.client.enqueue(ChoreSchema, { script: "stuck" }, { timeout: "20ms", maxAttempts: 1 });
  const next = await world.client.enqueue(ChoreSchema, { script: "next" });
  assert.equal((await stuck.wait({ signal: soon() })).state, "DEAD");
  assert.equal((await next.wait({ signal: soon() })).state, "COMPLETED");
  never.resolve();
});

test("time-out / handlers that never end are bounded, and end of one of them makes room again", async () => {
  await using world = await openWorld();
  const ends = Array.from({ length: 3 }, () => deferred<void>());
  let begun = 0;
  const worker = world.worker({ concurrency: 1 }).handle(ChoreSchema, async ({ script }) => {
    begun += 1;
    await ends[Number(script)]?.promise;
  });
  void worker.run();
  const handles = [];
  for (const script of ["0", "1", "2"]) {
    handles.push(await world.client.enqueue(ChoreSchema, { script }, { timeout: "20ms", maxAttempts: 1 }));
  }
  await handles[0]?.wait({ signal: soon() });
  await handles[1]?.wait({ signal: soon() });
  assert.equal(begun, 2, "one runaway and one that was let in beside it: no more than twice the concurrency");
  ends[0]?.resolve();
  await handles[2]?.wait({ signal: soon() });
  assert.equal(begun, 3);
  for (const each of ends) each.resolve();
});

test("time-out / a worker full of handlers that never end leaves the jobs to another worker (40)", async () => {
  await using world = await openWorld();
  const never = deferred<void>();
  const stuck = deferred<void>();
  const full = world
    .worker({ concurrency: 1, onError: (_, { kind }) => kind === "worker" && stuck.resolve() })
    .handle(ChoreSchema, () => never.promise);
  void full.run();
  for (let index = 0; index < 2; index += 1) {
    await world.client.enqueue(ChoreSchema, {}, { timeout: "20ms", maxAttempts: 1 });
  }
  await soonOr(stuck.promise, "nobody was told that the worker is full");
  const next = await world.client.enqueue(ChoreSchema, {});
  const idle = world.worker({ concurrency: 1 }).handle(ChoreSchema, () => undefined);
  void idle.run();
  const info = await next.wait({ signal: soon() });
  assert.deepEqual([info.state, info.failureCount], ["COMPLETED", 0]);
  never.resolve();
});

test("time-out / time in a buffer does not count", async () => {
  await using world = await openWorld();
  const gate = deferred<void>();
  const worker = world.worker({ concurrency: 1, window: 2 }).handle(ChoreSchema, async ({ script }) => {
    if (script === "first") await gate.promise;
  });
  void worker.run();
  const first = await world.client.enqueue(ChoreSchema, { script: "first" });
  const second = await world.client.enqueue(ChoreSchema, {}, { timeout: "30ms", maxAttempts: 1 });
  while ((await second.get()).state !== "RUNNING");
  await assert.rejects(second.wait({ signal: AbortSignal.timeout(120) }), failing("ABORTED"));
  gate.resolve();
  assert.equal((await first.wait({ signal: soon() })).state, "COMPLETED");
  assert.equal((await second.wait({ signal: soon() })).state, "COMPLETED");
});
