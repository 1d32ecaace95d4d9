import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Metadata } from "@grpc/grpc-js";
import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { WorkerService } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import type { Store } from "../../src/store/store.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { chores, startWorld } from "./world.ts";

const { method } = WorkerService;

/** A worker whose session waits for jobs, and a store that keeps the answer to the claim that gets it some. */
async function waitingWorld(t: TestContext) {
  const inner = await openMemoryStore({ defaults: serverDefaults });
  const claimed = deferred<void>();
  const go = deferred<void>();
  let held = false;
  const store: Store = {
    ...inner,
    async commit(batch) {
      const answer = await inner.commit(batch);
      if (!held && answer.claimed.some((each) => each.kind === "claimed" && each.leases.length > 0)) {
        held = true;
        claimed.resolve();
        await go.promise;
      }
      return answer;
    },
  };
  const world = await startWorld(t, { store });
  const lease = (requestId: string, sessionId = "") => {
    const wait = { seconds: sessionId === "" ? 0n : 30n };
    const init = { requestId, sessionId, worker: "py", subscriptions: [chores], maxJobs: 10, wait };
    return callUnary(world.client, method.leaseJobs, init);
  };
  const { sessionId } = await lease("first");
  const waiting = lease("second", sessionId);
  const enqueued = world.call.enqueueChore();
  await claimed.promise;
  const answer = async () => {
    go.resolve();
    await enqueued;
  };
  return { ...world, lease, sessionId, waiting, go: answer };
}

test("unary / a renewal on the way of new leases does not make them run twice", async (t) => {
  const { client, sessionId, lease, waiting, go } = await waitingWorld(t);
  await callUnary(client, method.extendLeases, { sessionId, heldLeaseIds: [] });
  await go();
  assert.deepEqual((await waiting).deliveries, [], "they went back");
  const { deliveries } = await lease("third", sessionId);
  assert.equal(deliveries.length, 1);
  const results = deliveries.map(({ leaseId }) => ({ leaseId, outcome: { case: "success" as const, value: {} } }));
  const { acks } = await callUnary(client, method.reportResults, { results });
  assert.deepEqual([acks[0]?.error, acks[0]?.state], [undefined, JobState.COMPLETED]);
});

test("unary / of two calls of a session the newer alone gets the jobs that the older one was about to get", async (t) => {
  const { sessionId, lease, waiting, go } = await waitingWorld(t);
  const newer = lease("third", sessionId);
  // One connection: a call behind it is answered after it has begun.
  await lease("of another session");
  await go();
  assert.deepEqual((await waiting).deliveries, []);
  assert.equal((await newer).deliveries.length, 1);
});

test("unary / a session is found by its whole name and principal, whatever blanks are in them", async (t) => {
  const world = await startWorld(t, { authenticate: ({ metadata }) => String(metadata.get("who")[0] ?? "") });
  await world.call.enqueueChores(1);
  const leaseAs = (who: string, sessionId: string) => {
    const metadata = new Metadata();
    metadata.set("who", who);
    const init = { requestId: "r", sessionId, subscriptions: [chores], maxJobs: 1 };
    return callUnary(world.client, method.leaseJobs, init, { metadata });
  };
  const ada = await leaseAs("team lovelace", "");
  assert.equal(ada.deliveries.length, 1);
  const eve = await leaseAs("lovelace", `${ada.sessionId} team`);
  assert.deepEqual([eve.sessionReplaced, eve.deliveries], [true, []]);
});
