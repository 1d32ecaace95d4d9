import assert from "node:assert/strict";
import { test } from "node:test";
import type { Result } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { createDeadlines } from "../../src/worker/deadlines.ts";
import { createOutbox } from "../../src/worker/outbox.ts";
import { createWindow } from "../../src/worker/window.ts";

function observed(
  durations: readonly number[],
  options: Parameters<typeof createWindow>[0] = { concurrency: 10 },
): number {
  const window = createWindow(options);
  for (const ms of durations) window.observe(ms);
  return window.size;
}

test("window / equals the concurrency for slow handlers, twice it for quicker, four times for those of milliseconds", () => {
  const of = (ms: number) => observed(Array(200).fill(ms));
  assert.deepEqual([of(500), of(120), of(30), of(7), of(2), of(0)], [10, 10, 20, 20, 40, 40]);
  assert.equal(observed([1, 1, 1]), 10, "three are too few to judge by");
});

test("window / does not flutter between two sizes, and shrinks when handlers turn slow", () => {
  const window = createWindow({ concurrency: 10 });
  for (let index = 0; index < 100; index += 1) window.observe(3);
  assert.equal(window.size, 40);
  for (let index = 0; index < 100; index += 1) window.observe(8);
  assert.equal(window.size, 40, "only beyond 10 ms");
  for (let index = 0; index < 200; index += 1) window.observe(400);
  assert.equal(window.size, 10);
});

test("window / is what was asked for, and never over the limit", () => {
  assert.equal(observed(Array(100).fill(0), { concurrency: 10, fixed: 15 }), 15);
  assert.equal(observed(Array(100).fill(0), { concurrency: 9_000 }), 10_000);
});

function result(leaseId: string, bytes = 0): Result {
  const any = { $typeName: "google.protobuf.Any" as const, typeUrl: "t/x", value: new Uint8Array(bytes) };
  const value = { $typeName: "conveyor.v1.Success" as const, result: any, declarations: [], staged: 0 };
  return { $typeName: "conveyor.v1.Result", leaseId, outcome: { case: "success", value } };
}

test("outbox / gives out frames of a good size, in order, a large result in one of its own", () => {
  const outbox = createOutbox();
  for (let index = 0; index < 1_500; index += 1) outbox.add(result(`${index}`));
  outbox.add(result("large", 1_000_000));
  outbox.add(result("last"));
  const sizes: string[] = [];
  for (let frame = outbox.take(); frame.length > 0; frame = outbox.take()) {
    sizes.push(`${frame[0]?.leaseId}+${frame.length}`);
  }
  assert.deepEqual(sizes, ["0+1000", "1000+500", "large+1", "last+1"]);
  outbox.add(result("old"));
  outbox.replace([result("new")]);
  assert.deepEqual(
    outbox.take().map((each) => each.leaseId),
    ["new"],
  );
});

test("deadlines / one timer fires for what is due and spares the rest", async () => {
  let now = 0;
  const expired: string[] = [];
  const second = deferred<void>();
  const deadlines = createDeadlines<string>({ elapsed: () => now, after: systemClock.after }, (item) => {
    expired.push(item);
    if (item === "early") now = 1_000_000;
    if (item === "next") second.resolve();
  });
  deadlines.add("late", 1_000_000);
  deadlines.add("removed", 1);
  deadlines.add("early", 1);
  deadlines.remove("removed");
  now = 1;
  deadlines.add("next", 2);
  await second.promise;
  assert.deepEqual(expired, ["early", "late", "next"]);
  deadlines.add("never", 0);
  deadlines.clear();
});
