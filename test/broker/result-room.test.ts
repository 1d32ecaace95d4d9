import assert from "node:assert/strict";
import { test } from "node:test";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import type { Store } from "../../src/store/store.ts";
import { failingStore } from "./gated-store.ts";
import { pack, startWorld } from "./world.ts";

/** A store that can be taken away, and the leases whose results it has been asked to settle since. */
async function askedStore() {
  const { store: inner, outage } = await failingStore();
  const asked = new Set<string>();
  const store: Store = {
    ...inner,
    commit: (batch) => {
      for (const { leaseId } of batch.settle) asked.add(leaseId);
      return inner.commit(batch);
    },
  };
  return { store, outage, asked };
}

test("flow control / results that wait for an absent store are bounded over all sessions of the broker", async (t) => {
  const { store, outage, asked } = await askedStore();
  const { call, worker } = await startWorld(t, { store });
  const hoarder = await worker();
  await call.enqueueChores(70);
  const leases = await hoarder.deliveries(70);
  const modest = await worker();
  hoarder.capacity(0);
  await hoarder.next("capacityApplied");
  await call.enqueueChore();
  const [own] = await modest.deliveries(1);
  outage.code = "STORE_UNAVAILABLE";
  const result = pack(ChoreSchema, { ballast: new Uint8Array(1_000_000) });
  for (const { leaseId } of leases) hoarder.result({ leaseId, outcome: { case: "success", value: { result } } });
  while (asked.size < 68) await modest.next("ping");
  modest.capacity(2, 2);
  assert.equal((await modest.next("capacityApplied")).seq, 2n, "who has brought no result is still heard");
  modest.result({ leaseId: own?.leaseId ?? "", outcome: { case: "success", value: {} } });
  modest.capacity(3, 3);
  for (let pings = 0; pings < 5; pings += 1) await modest.next("ping");
  assert.equal(modest.waiting("capacityApplied").length, 0);
  outage.code = undefined;
  assert.equal((await modest.next("capacityApplied")).seq, 3n);
  assert.equal((await modest.acks(1))[0]?.leaseId, own?.leaseId);
  assert.equal((await hoarder.acks(70)).length, 70);
});

test("flow control / the texts of failures take room, too, and a session that leaves gives its room back", async (t) => {
  const { store, outage, asked } = await askedStore();
  const { call, worker } = await startWorld(t, { store });
  const hoarder = await worker({ capacity: { seq: 1n, maxInFlight: 5_000 } });
  for (let batch = 0; batch < 2; batch += 1) await call.enqueueChores(1_000);
  const leases = await hoarder.deliveries(2_000);
  const modest = await worker({ capacity: { seq: 1n, maxInFlight: 1 } });
  hoarder.capacity(0);
  await hoarder.next("capacityApplied");
  await call.enqueueChore();
  const [own] = await modest.deliveries(1);
  outage.code = "STORE_UNAVAILABLE";
  const fullAt = Math.floor((64 * 1024 * 1024) / 41_000); // 40,005 of text, and 1,024 beside
  const error = { name: "Error", message: "m".repeat(8_000), stack: "s".repeat(32_000) };
  for (const { leaseId } of leases) hoarder.result({ leaseId, outcome: { case: "failure", value: { error } } });
  while (asked.size < fullAt) await modest.next("ping");
  modest.result({ leaseId: own?.leaseId ?? "", outcome: { case: "success", value: {} } });
  modest.capacity(3, 3);
  for (let pings = 0; pings < 5; pings += 1) await modest.next("ping");
  assert.equal(modest.waiting("capacityApplied").length, 0);
  hoarder.stream.close(new Error("cable pulled"));
  assert.equal((await modest.next("capacityApplied")).seq, 3n);
  outage.code = undefined;
  assert.equal((await modest.acks(1))[0]?.leaseId, own?.leaseId);
});
