import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { ConveyorError } from "../../src/core/errors.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import type { ClaimItem, CommitBatch } from "../../src/store/commit.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import type { Store } from "../../src/store/store.ts";
import { startWorld } from "./world.ts";

const success = { case: "success" as const, value: {} };

/** A store that commits some batches and then says that it is away, as one does whose answer was lost. */
async function lossyStore() {
  const inner = await openMemoryStore({ defaults: serverDefaults });
  const loss: { when: (batch: CommitBatch) => "lost" | "refused" | "done" } = { when: () => "done" };
  const claims: ClaimItem[] = [];
  const detached = deferred<void>();
  const store: Store = {
    ...inner,
    async commit(batch) {
      claims.push(...batch.claim);
      const fate = loss.when(batch);
      if (fate === "refused") throw new ConveyorError("STORE_UNAVAILABLE", "away before anything was done");
      const answer = await inner.commit(batch);
      if (fate === "lost") throw new ConveyorError("STORE_UNAVAILABLE", "away after it was done");
      return answer;
    },
    detachSession(request) {
      detached.resolve();
      return inner.detachSession(request);
    },
  };
  return { store, inner, loss, claims, detached: detached.promise };
}

async function scene(t: TestContext) {
  const lossy = await lossyStore();
  return { ...lossy, ...(await startWorld(t, { store: lossy.store })) };
}

for (const fate of ["lost", "refused"] as const) {
  test(`claims / a claim whose answer is ${fate} is sent again before another one, and its jobs arrive (21)`, async (t) => {
    const { call, worker, loss, claims } = await scene(t);
    let fails = 3;
    loss.when = (batch) => {
      if (batch.claim.length === 0 || fails === 0) return "done";
      fails -= 1;
      return fate;
    };
    await call.enqueueChores(5);
    const at = await worker({ capacity: { seq: 1n, maxInFlight: 3 } });
    const leases = await at.deliveries(3);
    assert.deepEqual(
      leases.map((lease) => lease.attempt),
      [1, 1, 1],
    );
    assert.deepEqual(
      claims.slice(0, 4).map((claim) => [claim.nonce === claims[0]?.nonce, claim.again === true]),
      [
        [true, false],
        [true, true],
        [true, true],
        [true, true],
      ],
    );
    for (const { leaseId } of leases) at.result({ leaseId, outcome: success });
    assert.equal((await at.acks(3)).length, 3);
    assert.equal((await at.deliveries(2)).length, 2);
  });
}

test("claims / jobs of a lost answer go back free when the worker has no room for them any more", async (t) => {
  const { call, worker, loss, inner } = await scene(t);
  let away = false;
  loss.when = (batch) => {
    away ||= batch.claim.length > 0;
    return away ? "lost" : "done";
  };
  const { results } = await call.enqueueChores(3);
  const at = await worker({ capacity: { seq: 1n, maxInFlight: 2 } });
  await at.next("ping");
  at.capacity(0);
  await at.next("capacityApplied");
  loss.when = () => "done";
  for (const { id } of results) {
    while ((await call.getJob(id)).state !== JobState.READY) await at.next("ping");
  }
  assert.equal(at.waiting("deliveries").length, 0);
  assert.equal((await inner.dump()).jobs.filter((job) => job.crashCount > 0).length, 0);
  at.capacity(3);
  assert.equal((await at.deliveries(3)).length, 3);
});

test("claims / and when its stream has ended meanwhile", async (t) => {
  const { call, worker, loss, inner, detached } = await scene(t);
  let away = false;
  loss.when = (batch) => {
    away ||= batch.claim.length > 0;
    return away ? "lost" : "done";
  };
  const { results } = await call.enqueueChores(2);
  const at = await worker({ capacity: { seq: 1n, maxInFlight: 2 } });
  await at.next("ping");
  at.stream.close(new Error("cable pulled"));
  // Before the broker knows, it would deliver to the broken stream once more.
  await detached;
  loss.when = () => "done";
  const other = await worker({ capacity: { seq: 1n, maxInFlight: 2 } });
  assert.deepEqual((await other.deliveries(2)).map((each) => each.jobId).sort(), results.map(({ id }) => id).sort());
  assert.equal((await inner.dump()).jobs.filter((job) => job.crashCount > 0).length, 0);
});
