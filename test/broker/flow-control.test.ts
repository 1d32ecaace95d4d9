import assert from "node:assert/strict";
import { test } from "node:test";
import { gatedStore } from "./gated-store.ts";
import { chore, chores, startWorld } from "./world.ts";

const success = { case: "success" as const, value: {} };

test("flow control / a worker never has more jobs than its window, and a slot frees when a result arrives", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker({ capacity: { seq: 1n, maxInFlight: 2 } });
  await call.enqueueChores(5);
  const [first, second] = await at.deliveries(2);
  at.capacity(2);
  await at.next("capacityApplied");
  assert.equal(at.waiting("deliveries").length, 0);
  at.result({ leaseId: first?.leaseId ?? "", outcome: success });
  const [third] = await at.deliveries(1);
  at.result({ leaseId: second?.leaseId ?? "", outcome: success });
  at.result({ leaseId: third?.leaseId ?? "", outcome: success });
  assert.equal((await at.deliveries(2)).length, 2);
});

test("flow control / a slot frees before the result is committed", async (t) => {
  const { store, gate } = await gatedStore();
  const { call, worker } = await startWorld(t, { store });
  const at = await worker({ capacity: { seq: 1n, maxInFlight: 1 } });
  await call.enqueueChores(2);
  const [first] = await at.deliveries(1);
  gate.hold(({ settle }) => settle.length > 0);
  at.result({ leaseId: first?.leaseId ?? "", outcome: success });
  const batch = await gate.held();
  assert.equal(batch.claim.length, 1, "the claim for the freed slot goes with the very commit that settles");
  assert.equal(at.waiting("resultAcks").length, 0);
  gate.go();
  await at.deliveries(1);
  await at.acks(1);
});

test("flow control / a window of 0 pauses, and CapacityApplied says from when on", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker({ capacity: { seq: 1n, maxInFlight: 0 } });
  await call.enqueueChores(3);
  at.capacity(1, 2);
  assert.equal((await at.next("capacityApplied")).seq, 2n);
  const [first] = await at.deliveries(1);
  at.capacity(0, 3);
  assert.equal((await at.next("capacityApplied")).seq, 3n);
  at.result({ leaseId: first?.leaseId ?? "", outcome: success });
  await at.acks(1);
  await call.enqueueChores(1);
  at.capacity(0, 4);
  await at.next("capacityApplied");
  assert.equal(at.waiting("deliveries").length, 0);
});

test("flow control / CapacityApplied waits for the claim in flight", async (t) => {
  const { store, gate } = await gatedStore();
  const { call, worker } = await startWorld(t, { store });
  const at = await worker({ capacity: { seq: 1n, maxInFlight: 10 } });
  gate.hold(({ claim, insert }) => claim.length > 0 && insert.length > 0);
  const enqueued = call.enqueueChores(4);
  await gate.held();
  at.capacity(0, 2);
  at.heartbeat({});
  // A ping that comes after the window was read: nothing was applied yet.
  await at.next("ping");
  await at.next("ping");
  assert.equal(at.waiting("capacityApplied").length, 0);
  gate.go();
  await enqueued;
  assert.equal((await at.next("capacityApplied")).seq, 2n);
  const kinds = at.kinds.filter((kind) => kind === "deliveries" || kind === "capacityApplied");
  assert.deepEqual(kinds, ["deliveries", "capacityApplied"]);
});

test("flow control / a subscription has a window of its own", async (t) => {
  const { call, worker } = await startWorld(t);
  const narrow = { ...chores, maxInFlight: 1 };
  const wide = { ...chores, queue: "wide" };
  const at = await worker({ subscriptions: [narrow, wide] });
  await call.enqueueChores(3);
  await call.enqueueChores(3, { queue: "wide" });
  const got = await at.deliveries(4);
  assert.deepEqual(
    {
      narrow: got.filter((each) => each.queue === "default").length,
      wide: got.filter((each) => each.queue === "wide").length,
    },
    { narrow: 1, wide: 3 },
  );
  at.capacity(100);
  await at.next("capacityApplied");
  assert.equal(at.waiting("deliveries").length, 0);
});

test("flow control / a subscription that has some of its jobs gets the rest, not all anew", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker({ subscriptions: [{ ...chores, maxInFlight: 2 }] });
  await call.enqueueChore();
  await at.deliveries(1);
  await call.enqueueChores(5);
  assert.equal((await at.deliveries(1)).length, 1);
  at.capacity(100);
  await at.next("capacityApplied");
  assert.equal(at.waiting("deliveries").length, 0);
});

test("flow control / a claim stops before it exceeds the bytes of the window", async (t) => {
  const { call, worker } = await startWorld(t);
  for (let count = 0; count < 5; count += 1) await call.enqueueChore("x".repeat(400));
  const at = await worker({ capacity: { seq: 1n, maxInFlight: 10, maxBytes: 1_000n } });
  const first = await at.next("deliveries");
  assert.equal(first.deliveries.length, 2);
});

test("flow control / payload bytes are bounded, but one job always fits", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker({ capacity: { seq: 1n, maxInFlight: 10, maxBytes: 1_000n } });
  for (let count = 0; count < 3; count += 1) await call.enqueue({ case: "job", value: chore("x".repeat(1_500)) });
  const [first] = await at.deliveries(1);
  at.capacity(10);
  await at.next("capacityApplied");
  assert.equal(at.waiting("deliveries").length, 0);
  at.result({ leaseId: first?.leaseId ?? "", outcome: success });
  await at.deliveries(1);
});

test("flow control / a small backlog is split over the workers that wait", async (t) => {
  const { call, worker } = await startWorld(t);
  const a = await worker({ capacity: { seq: 1n, maxInFlight: 40 } });
  const b = await worker({ capacity: { seq: 1n, maxInFlight: 40 } });
  await call.enqueueChores(40);
  const [ofA, ofB] = await Promise.all([a.deliveries(10), b.deliveries(10)]);
  assert.equal(ofA.length >= 10 && ofB.length >= 10, true);
});

test("flow control / deliveries are numbered through and travel in frames of at most 200", async (t) => {
  const { call, worker } = await startWorld(t);
  await call.enqueueChores(500);
  const at = await worker({ capacity: { seq: 1n, maxInFlight: 500 } });
  let count = 0;
  while (count < 500) {
    const frame = await at.next("deliveries");
    count += frame.deliveries.length;
    assert.equal(frame.deliveries.length <= 200, true);
    assert.equal(frame.seq, BigInt(count));
  }
});

test("flow control / nothing is leased for a stream that cannot take it, and all of it once it can", async (t) => {
  const { client, call, worker, store } = await startWorld(t, { intervals: { pollMs: 20 } });
  const deaf = await worker({ capacity: { seq: 1n, maxInFlight: 1_000 } });
  deaf.stream.pause();
  const observer = await worker({ subscriptions: [{ ...chores, queue: "other" }] });
  for (let count = 0; count < 70; count += 1) await call.enqueueChore("x".repeat(300_000));
  for (let pings = 0; pings < 5; pings += 1) await observer.next("ping");
  const running = (await store.dump()).jobs.filter((job) => job.state === "RUNNING").length;
  assert.equal(running > 0 && running < 70, true, `${running} are leased`);
  deaf.stream.resume();
  await deaf.deliveries(70);
  client.close();
});
