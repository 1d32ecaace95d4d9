import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { FailurePolicy, JobRole, JobState, Trigger } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { ConveyorError, ErrorCode } from "../../src/core/errors.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import type { Store } from "../../src/store/store.ts";
import { callUnary } from "../../src/wire/unary.ts";
import type { ScriptedWorker } from "./scripted-worker.ts";
import { startTwoWorlds } from "./two-worlds.ts";
import { chore, startWorld, type World } from "./world.ts";

const success = { case: "success" as const, value: {} };
const discard = { case: "discard" as const, value: { error: { name: "Bad", message: "no" } } };

function code(wanted: ErrorCode, ...parts: readonly string[]) {
  return (error: ConveyorError) => {
    assert.equal(error.code, wanted, error.message);
    for (const part of parts) assert.ok(error.message.includes(part), error.message);
    return true;
  };
}

function verbs({ client }: World) {
  const { method } = JobService;
  return {
    cancel: async (id: string, includeHeirs = false) =>
      (await callUnary(client, method.cancelJob, { id, includeHeirs })).job,
    retry: async (request: MessageInitShape<typeof method.retryJob.input>) =>
      (await callUnary(client, method.retryJob, request)).job,
    remove: (id: string) => callUnary(client, method.deleteJob, { id }),
  };
}

async function changeWorld(t: TestContext, options: Parameters<typeof startWorld>[1] = {}) {
  const world = await startWorld(t, options);
  return { ...world, ...verbs(world) };
}

const below = (role: JobRole, key: string, more: object = {}) => ({
  parentIndex: 0,
  node: { role, key, job: chore(key), ...more },
});

/** A root with the children a and b, which wait for a worker, and heirs. */
async function family(world: World, heirs: readonly (readonly [key: string, trigger: Trigger])[] = []) {
  const root = await world.call.enqueue({
    case: "tree",
    value: {
      nodes: [
        { node: { job: chore("root") } },
        below(JobRole.CHILD, "a"),
        below(JobRole.CHILD, "b", { policy: FailurePolicy.FAIL }),
        ...heirs.map(([key, trigger]) => below(JobRole.HEIR, key, { trigger })),
      ],
    },
  });
  const at = await world.worker();
  await end(at, "", success);
  return { root, at };
}

/** Ends the next delivery with this key. */
async function end(at: ScriptedWorker, key: string, outcome: Parameters<ScriptedWorker["result"]>[0]["outcome"]) {
  const lease = await leaseOf(at, key);
  at.result({ leaseId: lease.leaseId, ...(outcome && { outcome }) });
  await at.acks(1);
  return lease;
}

const held = new WeakMap<ScriptedWorker, { key: string; leaseId: string; jobId: string }[]>();

async function leaseOf(at: ScriptedWorker, key: string) {
  const kept = held.get(at) ?? [];
  held.set(at, kept);
  for (;;) {
    const index = kept.findIndex((each) => each.key === key);
    if (index >= 0) return kept.splice(index, 1)[0] as (typeof kept)[number]; // it is there
    kept.push(...(await at.deliveries(1)));
  }
}

async function stateOf(world: World, key: string): Promise<string> {
  const { jobs } = await world.store.dump();
  return jobs.find((job) => job.key === key)?.state ?? "none";
}

test("cancel / a scheduled and a ready job are cancelled at once, a missing one is not found, a terminal one stays (38)", async (t) => {
  const { call, cancel, worker } = await changeWorld(t);
  const late = await call.enqueueChore("", { start: { case: "delay", value: { seconds: 60n } } });
  const ready = await call.enqueueChore();
  for (const { id } of [late, ready]) {
    const job = await cancel(id);
    assert.deepEqual([job?.state, job?.reason], [JobState.CANCELLED, "REQUESTED"]);
    assert.equal((await call.waitJob(id)).reached, true);
    assert.equal((await cancel(id))?.version, job?.version, "a repeat changes nothing");
  }
  const at = await worker();
  const done = await call.enqueueChore();
  await end(at, "", success);
  assert.equal((await cancel(done.id))?.state, JobState.COMPLETED);
  assert.equal(at.waiting("deliveries").length, 0);
  await assert.rejects(cancel("nope"), code("JOB_NOT_FOUND", "nope"));
});

test("cancel / a running job is asked to stop by the broker that has its worker, wherever that is (38)", async (t) => {
  const never = 600_000;
  const [a, b] = await startTwoWorlds(t, { intervals: { pollMs: never, heartbeatMs: never } });
  const at = await b.worker();
  const job = await a.call.enqueueChore();
  const { leaseId } = await leaseOf(at, "");
  const asked = await verbs(a).cancel(job.id);
  assert.deepEqual([asked?.state, asked?.cancelRequested], [JobState.RUNNING, true]);
  const [request] = (await at.next("cancelRequests")).requests;
  assert.deepEqual([request?.leaseId, request?.reason, request?.grace?.seconds], [leaseId, "REQUESTED", 10n]);
  at.result({ leaseId, outcome: { case: "cancel", value: { message: "stopped" } } });
  await at.acks(1);
  const ended = await a.call.getJob(job.id);
  assert.deepEqual([ended.state, ended.reason], [JobState.CANCELLED, "REQUESTED"]);
});

test("cancel / a job that finishes well although cancelled is completed (39)", async (t) => {
  const { call, cancel, worker } = await changeWorld(t);
  const at = await worker();
  const job = await call.enqueueChore();
  const { leaseId } = await leaseOf(at, "");
  await cancel(job.id);
  await at.next("cancelRequests");
  at.result({ leaseId, outcome: success });
  assert.equal((await at.acks(1))[0]?.state, JobState.COMPLETED);
});

test("cancel / a handler that does not stop loses its lease after the grace (38)", async (t) => {
  const { call, cancel, worker } = await changeWorld(t, { intervals: { cancelGraceMs: 100 } });
  const at = await worker();
  const job = await call.enqueueChore();
  const { leaseId } = await leaseOf(at, "");
  await cancel(job.id);
  assert.deepEqual((await at.next("leasesLost")).leaseIds, [leaseId]);
  assert.equal((await call.waitJob(job.id)).job?.state, JobState.CANCELLED);
});

for (const includeHeirs of [false, true]) {
  test(`cancel / goes down the chain, ${includeHeirs ? "and with its heirs nothing runs" : "and an heir for whatever end still runs"} (51)`, async (t) => {
    const world = await changeWorld(t);
    const { root, at } = await family(world, [
      ["after", Trigger.SUCCEEDED],
      ["always", Trigger.SETTLED],
    ]);
    const [a, b] = [await leaseOf(at, "a"), await leaseOf(at, "b")];
    const asked = await world.cancel(root.id, includeHeirs);
    assert.deepEqual([asked?.state, asked?.cancelRequested], [JobState.AWAITING_CHILDREN, true]);
    const requests = [...(await at.next("cancelRequests")).requests];
    while (requests.length < 2) requests.push(...(await at.next("cancelRequests")).requests);
    assert.deepEqual(
      requests.map((each) => each.reason),
      ["PARENT_CANCELLED", "PARENT_CANCELLED"],
    );
    for (const { leaseId } of [a, b]) at.result({ leaseId, outcome: { case: "cancel", value: { message: "" } } });
    await at.acks(2);
    if (!includeHeirs) await end(at, "always", success);
    const { job } = await world.call.waitJob(root.id);
    assert.deepEqual([job?.state, job?.reason], [JobState.CANCELLED, "REQUESTED"]);
    assert.deepEqual(
      [await stateOf(world, "after"), await stateOf(world, "always")],
      ["CANCELLED", includeHeirs ? "CANCELLED" : "COMPLETED"],
    );
  });
}

test("retry / of a running or completed job is refused with what to do, a scheduled one is pulled forward (33)", async (t) => {
  const { call, retry, worker } = await changeWorld(t);
  const late = await call.enqueueChore("", { start: { case: "delay", value: { seconds: 3_600n } } });
  const pulled = await retry({ id: late.id });
  assert.deepEqual([pulled?.state, pulled?.epoch], [JobState.READY, late.epoch]);
  assert.equal((await retry({ id: late.id }))?.version, pulled?.version, "a repeat changes nothing");
  const at = await worker();
  const { leaseId } = await leaseOf(at, "");
  await assert.rejects(retry({ id: late.id }), code("JOB_NOT_RETRYABLE", late.id, "RUNNING", "cancel"));
  at.result({ leaseId, outcome: success });
  await at.acks(1);
  await assert.rejects(retry({ id: late.id }), code("JOB_NOT_RETRYABLE", "COMPLETED", "anew"));
  await assert.rejects(retry({ id: "nope" }), code("JOB_NOT_FOUND", "nope"));
});

test("retry / a dead job runs again, and a call repeated with the epoch it saw changes nothing", async (t) => {
  const { call, retry, cancel, worker } = await changeWorld(t);
  const at = await worker();
  const job = await call.enqueueChore();
  await end(at, "", discard);
  const dead = await call.getJob(job.id);
  assert.deepEqual([dead.state, dead.finishTime !== undefined], [JobState.DEAD, true]);
  await assert.rejects(retry({ id: job.id, expectedEpoch: dead.epoch + 1 }), code("JOB_NOT_RETRYABLE", "epoch"));
  const again = await retry({ id: job.id, expectedEpoch: dead.epoch });
  assert.deepEqual([again?.epoch, again?.finishTime], [dead.epoch + 1, undefined], "(34)");
  const { leaseId } = await leaseOf(at, "");
  assert.equal((await retry({ id: job.id, expectedEpoch: dead.epoch }))?.state, JobState.RUNNING);
  at.result({ leaseId, outcome: success });
  await at.acks(1);
  assert.equal((await call.getJob(job.id)).state, JobState.COMPLETED);
  const unwanted = await call.enqueueChore("", { start: { case: "delay", value: { seconds: 60n } } });
  await cancel(unwanted.id);
  await assert.rejects(retry({ id: unwanted.id }), code("JOB_NOT_RETRYABLE", "cancelled", "anew"));
});

test("retry / of a dead child reopens its chain, and the heir that was skipped runs (52)", async (t) => {
  const world = await changeWorld(t);
  const { root, at } = await family(world, [["after", Trigger.SUCCEEDED]]);
  const a = await end(at, "a", discard);
  await end(at, "b", success);
  const failed = (await world.call.waitJob(root.id)).job;
  assert.deepEqual([failed?.state, failed?.reason], [JobState.DEAD, "CHAIN_FAILED"]);
  assert.equal(await stateOf(world, "after"), "CANCELLED");
  await world.retry({ id: a.jobId });
  assert.equal((await world.call.getJob(root.id)).state, JobState.AWAITING_CHILDREN);
  await end(at, "a", success);
  await end(at, "after", success);
  assert.equal((await world.call.waitJob(root.id)).job?.state, JobState.COMPLETED);
});

test("retry / waits until a sibling that is just being cancelled has ended", async (t) => {
  const inner = await openMemoryStore({ defaults: serverDefaults });
  const refused = deferred<string>();
  const store: Store = {
    ...inner,
    async retry(items) {
      const answer = await inner.retry(items);
      const [first] = answer.answers;
      if (first?.kind === "refused") refused.resolve(first.why);
      return answer;
    },
  };
  const world = await changeWorld(t, { store });
  const { root, at } = await family(world);
  const a = await end(at, "a", discard);
  const b = await leaseOf(at, "b");
  await world.cancel(b.jobId);
  const retried = world.retry({ id: a.jobId });
  assert.equal(await refused.promise, "BUSY");
  at.result({ leaseId: b.leaseId, outcome: discard });
  assert.equal((await retried)?.state, JobState.READY);
  assert.equal((await world.call.getJob(root.id)).state, JobState.AWAITING_CHILDREN);
});

test("retry / is refused once heirs are under way, and names the job that they belong to", async (t) => {
  const world = await changeWorld(t);
  const { root, at } = await family(world, [["always", Trigger.SETTLED]]);
  const a = await end(at, "a", discard);
  await end(at, "b", success);
  await leaseOf(at, "always");
  await assert.rejects(world.retry({ id: a.jobId }), (error: ConveyorError) => {
    assert.deepEqual([error.details.resource?.name, error.details.metadata?.why], [root.id, "BARRIER"]);
    return code("JOB_NOT_RETRYABLE", root.id, "heirs", "wait")(error);
  });
});

test("retry / is refused below a job that was cancelled, which is named", async (t) => {
  const world = await changeWorld(t);
  const { root, at } = await family(world);
  const a = await end(at, "a", discard);
  const b = await leaseOf(at, "b");
  await world.cancel(root.id);
  await assert.rejects(world.retry({ id: a.jobId }), code("JOB_NOT_RETRYABLE", root.id, "anew"));
  at.result({ leaseId: b.leaseId, outcome: discard });
  assert.equal((await world.call.waitJob(root.id)).job?.state, JobState.CANCELLED);
});

test("delete / a chain that is open is refused, one that has ended is gone for good, and its id is still known (51)", async (t) => {
  const world = await changeWorld(t);
  const { root, at } = await family(world);
  await assert.rejects(world.remove(root.id), code("CHAIN_OPEN", root.id, "AWAITING_CHILDREN"));
  const a = await end(at, "a", success);
  await assert.rejects(world.remove(a.jobId), code("INVALID_OPTION", root.id));
  await end(at, "b", success);
  await world.call.waitJob(root.id);
  await world.remove(root.id);
  assert.deepEqual((await world.store.dump()).jobs, []);
  await assert.rejects(world.remove(root.id), code("JOB_NOT_FOUND"));
  await assert.rejects(world.call.getJob(a.jobId), code("JOB_NOT_FOUND"));
});

test("delete / a chain larger than one step is removed to its end", async (t) => {
  const world = await changeWorld(t, { intervals: { pruneMs: 600_000 } });
  const children = Array.from({ length: 1_200 }, (_, index) => below(JobRole.CHILD, `${index}`));
  const root = await world.call.enqueue({ case: "tree", value: { nodes: [{ node: { job: chore() } }, ...children] } });
  await world.cancel(root.id);
  await world.call.waitJob(root.id);
  await world.remove(root.id);
  const isThere = (id: string) => world.call.getJob(id).then(Boolean, () => false);
  while (await isThere(root.id));
  assert.deepEqual((await world.store.dump()).jobs, []);
});

test("change / asks whether the caller may, with the job's queue and type, before anything is touched", async (t) => {
  const asked: string[] = [];
  const world = await changeWorld(t, {
    authorize({ method, queue, type }) {
      const verb = method.split("/").at(-1) ?? "";
      if (!["CancelJob", "RetryJob", "DeleteJob"].includes(verb)) return true;
      asked.push(`${verb} ${type} in ${queue}`);
      return queue !== "secret";
    },
  });
  const job = await world.call.enqueueChore("", { queue: "secret" });
  for (const call of [world.cancel(job.id), world.retry({ id: job.id }), world.remove(job.id)]) {
    await assert.rejects(call, code("ROLE_MISSING", "secret"));
  }
  assert.deepEqual(asked.sort(), [
    "CancelJob shop.v1.Chore in secret",
    "DeleteJob shop.v1.Chore in secret",
    "RetryJob shop.v1.Chore in secret",
  ]);
  assert.equal((await world.call.getJob(job.id)).version, job.version);
});
