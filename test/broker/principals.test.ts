import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { JobRole, JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { type ResultSchema, WorkerService } from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { AccessRequest, BrokerOptions } from "../../src/broker/index.ts";
import type { ConveyorError } from "../../src/core/errors.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { createLogger } from "../../src/runtime/logger.ts";
import { fromRpcStatus } from "../../src/wire/error-status.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { failingStore } from "./gated-store.ts";
import { chore, chores, startWorld } from "./world.ts";

const success = { case: "success" as const, value: {} };
const idle = { capacity: { seq: 1n, maxInFlight: 0 } };

/** A broker whose callers are whom the test says; `who` is asked at each call and stream. */
async function principalWorld(t: TestContext, options: Partial<BrokerOptions> = {}) {
  const caller = { who: "alice" };
  const world = await startWorld(t, { ...options, authenticate: () => caller.who });
  const as = <T>(who: string, work: () => T): T => {
    caller.who = who;
    return work();
  };
  return { ...world, as };
}

test("principals / a result for a lease of someone else's session is refused and changes nothing (16)", async (t) => {
  const { call, worker, store, as } = await principalWorld(t);
  const alice = await worker();
  const job = await call.enqueueChore();
  const leaseId = (await alice.deliveries(1))[0]?.leaseId ?? "";
  const mallory = await as("mallory", () => worker(idle));
  const before = await store.dump();
  const declarations = [{ role: JobRole.CHILD, key: "c", job: chore("evil") }];
  const outcomes: readonly MessageInitShape<typeof ResultSchema>["outcome"][] = [
    success,
    { case: "success", value: { declarations } },
    { case: "failure", value: { error: { name: "Evil" } } },
    { case: "release", value: {} },
    { case: "cancel", value: {} },
  ];
  for (const outcome of outcomes) {
    mallory.result({ leaseId, ...(outcome && { outcome }) });
    const [ack] = await mallory.acks(1);
    assert.equal(ack?.error && fromRpcStatus(ack.error).code, "LEASE_LOST");
    assert.deepEqual([ack?.state, ack?.recorded], [0, 0]);
  }
  assert.deepEqual((await store.dump()).jobs, before.jobs);
  alice.result({ leaseId, outcome: success });
  assert.equal((await alice.acks(1))[0]?.state, JobState.COMPLETED);
  mallory.result({ leaseId, outcome: success });
  const [late] = await mallory.acks(1);
  assert.equal(late?.error && fromRpcStatus(late.error).code, "LEASE_LOST", "nor is told how it ended");
  assert.equal((await as("alice", () => call.getJob(job.id))).state, JobState.COMPLETED);
});

test("principals / another session of the same principal may end a lease and repeat its result (24)", async (t) => {
  const { call, worker } = await principalWorld(t);
  const first = await worker();
  await call.enqueueChores(2);
  const [one, two] = await first.deliveries(2);
  const second = await worker(idle);
  for (const lease of [one, two, one]) {
    second.result({ leaseId: lease?.leaseId ?? "", outcome: success });
    assert.equal((await second.acks(1))[0]?.state, JobState.COMPLETED);
  }
});

test("principals / while the store is away nobody is told about a lease that the session does not hold", async (t) => {
  const { store: inner, outage } = await failingStore();
  const { call, worker, as } = await principalWorld(t, { store: inner });
  const alice = await worker();
  await call.enqueueChore();
  const leaseId = (await alice.deliveries(1))[0]?.leaseId ?? "";
  const mallory = await as("mallory", () => worker(idle));
  outage.code = "STORE_UNAVAILABLE";
  mallory.result({ leaseId, outcome: success });
  await mallory.next("ping");
  await mallory.next("ping");
  assert.equal(mallory.waiting("resultAcks").length, 0);
  outage.code = undefined;
  const [ack] = await mallory.acks(1);
  assert.equal(ack?.error && fromRpcStatus(ack.error).code, "LEASE_LOST");
});

test("principals / nobody stages children under a lease of someone else by giving up while the store is away", async (t) => {
  const { store, outage } = await failingStore();
  const asked = deferred<void>();
  const leasePrincipal: typeof store.leasePrincipal = (leaseId) => {
    asked.resolve();
    return store.leasePrincipal(leaseId);
  };
  const { call, worker, client, as } = await principalWorld(t, { store: { ...store, leasePrincipal } });
  const alice = await worker();
  await call.enqueueChore();
  const leaseId = (await alice.deliveries(1))[0]?.leaseId ?? "";
  const stage = (count: number, signal?: AbortSignal) => {
    const children = Array.from({ length: count }, () => ({ role: JobRole.CHILD, job: chore() }));
    const init = { stage: { leaseId, seq: 1n, children } };
    return callUnary(client, WorkerService.method.stageChildren, init, { ...(signal && { signal }) });
  };
  const giveUp = new AbortController();
  outage.code = "STORE_UNAVAILABLE";
  const evil = as("mallory", () => stage(3, giveUp.signal));
  await asked.promise;
  outage.code = undefined;
  giveUp.abort();
  await assert.rejects(evil);
  assert.equal((await as("alice", () => stage(1))).staged, 1);
});

test("principals / a lease that its session holds asks nobody whose it is", async (t) => {
  const { store: inner } = await failingStore();
  let asked = 0;
  const store = {
    ...inner,
    leasePrincipal: (leaseId: Parameters<typeof inner.leasePrincipal>[0]) => {
      asked += 1;
      return inner.leasePrincipal(leaseId);
    },
  };
  const { call, worker } = await principalWorld(t, { store });
  const at = await worker();
  await call.enqueueChores(10);
  for (const { leaseId } of await at.deliveries(10)) at.result({ leaseId, outcome: success });
  await at.acks(10);
  assert.equal(asked, 0);
});

test("principals / only the principal of an heir's session reads what its siblings gave (53)", async (t) => {
  const { call, worker, as } = await principalWorld(t);
  const node = (role: JobRole, key: string) => ({ parentIndex: 0, node: { role, key, job: chore(key) } });
  await call.enqueue({
    case: "tree",
    value: { nodes: [{ node: { job: chore("root") } }, node(JobRole.CHILD, "child"), node(JobRole.HEIR, "heir")] },
  });
  const at = await worker();
  let leaseId = "";
  for (const key of ["", "child", "heir"]) {
    const [lease] = await at.deliveries(1);
    assert.equal(lease?.key, key);
    leaseId = lease?.leaseId ?? "";
    if (key !== "heir") at.result({ leaseId, outcome: success });
  }
  await assert.rejects(
    as("mallory", () => call.listChildResults({ leaseId })),
    (error: ConveyorError) => error.code === "LEASE_LOST",
  );
  const { children } = await as("alice", () => call.listChildResults({ leaseId }));
  assert.deepEqual(
    children.map(({ key }) => key),
    ["child"],
  );
});

test("principals / reads pass what they know to the authorisation hook", async (t) => {
  const asked: AccessRequest[] = [];
  const { call, client } = await startWorld(t, {
    authorize: (request) => {
      asked.push(request);
      return request.queue !== "secret" || request.method.endsWith("/Enqueue");
    },
  });
  const open = await call.enqueueChore("", { queue: "open" });
  const secret = await call.enqueueChore("", { queue: "secret" });
  asked.length = 0;
  const about = { queue: "open", type: "shop.v1.Chore" };
  await call.getJob(open.id);
  await callUnary(client, JobService.method.getChain, { id: open.id });
  await callUnary(client, JobService.method.listJobs, about);
  assert.deepEqual(
    asked.map(({ method, queue, type }) => ({ method: method.replace(/^.*\//, ""), queue, type })),
    ["GetJob", "GetChain", "ListJobs"].map((method) => ({ method, ...about })),
  );
  const denied = (error: ConveyorError) => error.code === "ROLE_MISSING";
  await assert.rejects(call.getJob(secret.id), denied);
  await assert.rejects(callUnary(client, JobService.method.getChain, { id: secret.id }), denied);
  await assert.rejects(callUnary(client, JobService.method.listJobs, { queue: "secret" }), denied);
});

test("principals / neither a principal nor what an authentication hook broke on reaches the log or the caller", async (t) => {
  const lines: string[] = [];
  const logger = createLogger({ level: "debug", write: (line) => lines.push(line) });
  const caller = { who: "token-of-alice", breaks: false };
  const { call, worker, stream } = await startWorld(t, {
    logger,
    authenticate() {
      if (caller.breaks) throw new TypeError(`cannot parse ${caller.who}`);
      return caller.who;
    },
  });
  const alice = await worker();
  await call.enqueueChore();
  const leaseId = (await alice.deliveries(1))[0]?.leaseId ?? "";
  caller.who = "token-of-mallory";
  const mallory = await worker(idle);
  mallory.result({ leaseId, outcome: success });
  await mallory.acks(1);
  caller.breaks = true;
  const refused = (error: ConveyorError) => error.code === "CREDENTIALS_INVALID" && !error.message.includes("token-of");
  await assert.rejects(call.enqueueChore(), refused);
  const turnedAway = stream();
  turnedAway.send({
    case: "hello",
    value: { protocolVersion: 1, worker: "w", instanceId: "i", concurrency: 1, subscriptions: [chores] },
  });
  assert.equal((await turnedAway.ended)?.code, "CREDENTIALS_INVALID");
  assert.deepEqual(
    lines.filter((line) => line.includes("token-of")),
    [],
  );
  assert.ok(lines.length > 0);
});
