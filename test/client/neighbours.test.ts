import assert from "node:assert/strict";
import { test } from "node:test";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { connect } from "../../src/client/conveyor.ts";
import { failingStore } from "../broker/gated-store.ts";
import { startWorld } from "../broker/world.ts";
import { failing } from "./failing.ts";

for (const place of ["first", "last"] as const) {
  test(`neighbours / a bad item that comes ${place} takes no repeat from a good one while the store is away`, async (t) => {
    const { store, outage } = await failingStore();
    const { broker } = await startWorld(t, { store });
    await using client = connect(broker.address, { retryFor: "20s" });
    outage.code = "STORE_UNAVAILABLE";
    const enqueueBad = () => client.enqueue(ChoreSchema, { script: "bad" }, { queue: "BAD QUEUE" });
    const early = place === "first" ? enqueueBad() : undefined;
    const good = client.enqueue(ChoreSchema, { script: "good" });
    const bad = early ?? enqueueBad();
    await assert.rejects(bad, failing("INVALID_NAME"));
    outage.code = undefined;
    const { id, deduplicated } = await good;
    assert.equal(deduplicated, false);
    assert.deepEqual(
      (await store.dump()).jobs.map((job) => job.id),
      [id],
    );
  });
}

test("neighbours / once retryFor is over a good item fails as its store does, and nothing is stored", async (t) => {
  const { store, outage } = await failingStore();
  const { broker } = await startWorld(t, { store });
  await using client = connect(broker.address, { retryFor: "300ms" });
  outage.code = "STORE_UNAVAILABLE";
  const bad = client.enqueue(ChoreSchema, { script: "bad" }, { queue: "BAD QUEUE" });
  const good = client.enqueue(ChoreSchema, { script: "good" });
  await assert.rejects(bad, failing("INVALID_NAME"));
  await assert.rejects(good, failing("STORE_UNAVAILABLE"));
  assert.deepEqual((await store.dump()).jobs, []);
});

test("neighbours / a full store settles every item at once", async (t) => {
  const { store, outage } = await failingStore();
  const { broker } = await startWorld(t, { store });
  await using client = connect(broker.address, { retryFor: "20s" });
  outage.code = "STORE_FULL";
  const bad = client.enqueue(ChoreSchema, { script: "bad" }, { queue: "BAD QUEUE" });
  const good = client.enqueue(ChoreSchema, { script: "good" });
  await assert.rejects(bad, failing("INVALID_NAME"));
  await assert.rejects(good, failing("STORE_FULL"));
});
