import assert from "node:assert/strict";
import { test } from "node:test";
import { AttemptOutcome, FailurePolicy, JobRole, JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { gatedStore } from "./gated-store.ts";
import type { ScriptedWorker } from "./scripted-worker.ts";
import { chore, startWorld } from "./world.ts";

const success = { case: "success" as const, value: {} };

async function oneLease(at: ScriptedWorker): Promise<string> {
  const [delivery] = await at.deliveries(1);
  return delivery?.leaseId ?? "";
}

test("leases / delivered but never received is found by the next heartbeat and goes back free (21)", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker();
  const job = await call.enqueueChore();
  await oneLease(at);
  at.heartbeat({ receivedThrough: 1, held: [] });
  const [again] = await at.deliveries(1);
  assert.equal(again?.jobId, job.id);
  assert.equal(again?.attempt, 2);
  const now = await call.getJob(job.id);
  assert.deepEqual({ released: now.releaseCount, crashed: now.crashCount }, { released: 1, crashed: 0 });
});

test("leases / a delivery after the heartbeat's mark is not taken for lost", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker();
  const job = await call.enqueueChore();
  const leaseId = await oneLease(at);
  at.heartbeat({ receivedThrough: 0, held: [] });
  at.capacity(10);
  await at.next("capacityApplied");
  at.result({ leaseId, outcome: success });
  assert.equal((await at.acks(1))[0]?.state, JobState.COMPLETED);
  assert.equal((await call.getJob(job.id)).attempt, 1);
});

test("leases / a result is acknowledged only after the commit", async (t) => {
  const { store, gate } = await gatedStore();
  const { call, worker } = await startWorld(t, { store });
  const at = await worker();
  const job = await call.enqueueChore();
  const leaseId = await oneLease(at);
  gate.hold(({ settle }) => settle.length > 0);
  at.result({ leaseId, outcome: success });
  await gate.held();
  await at.next("ping");
  await at.next("ping");
  assert.equal(at.waiting("resultAcks").length, 0);
  assert.equal((await call.getJob(job.id)).state, JobState.RUNNING);
  gate.go();
  assert.equal((await at.acks(1))[0]?.state, JobState.COMPLETED);
  assert.equal((await call.getJob(job.id)).state, JobState.COMPLETED);
});

test("leases / a heartbeat stores what is buffered, and Started takes it out again", async (t) => {
  const { call, worker, store } = await startWorld(t);
  const at = await worker();
  await call.enqueueChores(2);
  const [first = "", second = ""] = (await at.deliveries(2)).map((each) => each.leaseId);
  const buffered = async () => (await store.dump()).sessions.flatMap((session) => session.buffered);
  const settled = async (count: number) => {
    while ((await buffered()).length !== count) await at.next("ping");
    return buffered();
  };
  at.heartbeat({ receivedThrough: 2, held: [first, second], buffered: [first, second] });
  assert.deepEqual([...(await settled(2))].sort(), [first, second].sort());
  at.send({ case: "started", value: { leaseIds: [first] } });
  assert.deepEqual(await settled(1), [second]);
});

test("leases / a worker that does not enforce a time-out loses the lease, which is a failure", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { timeoutGraceMs: 50 } });
  const at = await worker();
  const job = await call.enqueueChore("", { timeout: { nanos: 50_000_000 }, maxAttempts: 1 });
  const leaseId = await oneLease(at);
  assert.deepEqual((await at.next("leasesLost")).leaseIds, [leaseId]);
  const dead = await call.getJob(job.id);
  assert.equal(dead.state, JobState.DEAD);
  assert.equal(dead.attempts[0]?.outcome, AttemptOutcome.TIMED_OUT);
  at.result({ leaseId, outcome: success });
  assert.match((await at.acks(1))[0]?.error?.message ?? "", /another outcome/);
  assert.equal((await call.getJob(job.id)).state, JobState.DEAD);
});

test("leases / what is buffered does not time out before it has started", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { timeoutGraceMs: 50 } });
  const at = await worker();
  await call.enqueueChore("", { timeout: { nanos: 200_000_000 }, maxAttempts: 1 });
  const leaseId = await oneLease(at);
  at.heartbeat({ receivedThrough: 1, held: [leaseId], buffered: [leaseId] });
  for (let pings = 0; pings < 5; pings += 1) await at.next("ping");
  assert.equal(at.waiting("leasesLost").length, 0);
  at.send({ case: "started", value: { leaseIds: [leaseId] } });
  assert.deepEqual((await at.next("leasesLost")).leaseIds, [leaseId]);
});

test("leases / a FAIL_FAST failure cancels the running sibling, and after the grace takes its lease", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { cancelGraceMs: 100 } });
  const at = await worker();
  const child = (script: string, policy: FailurePolicy) => ({
    parentIndex: 0,
    node: { role: JobRole.CHILD, policy, key: script, job: chore(script, { maxAttempts: 1 }) },
  });
  const root = await call.enqueue({
    case: "tree",
    value: {
      nodes: [
        { node: { job: { content: { case: "payload", value: group() } } } },
        child("fails", FailurePolicy.FAIL_FAST),
        child("runs on", FailurePolicy.FAIL),
      ],
    },
  });
  const got = await at.deliveries(2);
  const fails = got.find((each) => each.key === "fails");
  const runsOn = got.find((each) => each.key === "runs on");
  at.result({
    leaseId: fails?.leaseId ?? "",
    outcome: { case: "failure", value: { error: { name: "E", message: "no" } } },
  });
  const [cancel] = (await at.next("cancelRequests")).requests;
  assert.equal(cancel?.leaseId, runsOn?.leaseId);
  assert.equal(cancel?.reason, "SIBLING_FAILED");
  assert.deepEqual((await at.next("leasesLost")).leaseIds, [runsOn?.leaseId]);
  assert.equal((await call.getJob(runsOn?.jobId ?? "")).state, JobState.CANCELLED);
  const ended = await call.waitJob(root.id);
  assert.equal(ended.job?.state, JobState.DEAD);
});

test("leases / a result that was sent twice is acknowledged twice with the same words", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker();
  await call.enqueueChore();
  const leaseId = await oneLease(at);
  at.result({ leaseId, outcome: success });
  at.result({ leaseId, outcome: success });
  const [first, second] = await at.acks(2);
  assert.deepEqual(first, second);
  at.result({ leaseId, outcome: { case: "release", value: {} } });
  assert.match((await at.acks(1))[0]?.error?.message ?? "", /another outcome/);
});

test("leases / a result that cannot be stored is a failed attempt, and the ack says why", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker();
  const job = await call.enqueueChore("", { maxAttempts: 1 });
  const leaseId = await oneLease(at);
  const declarations = Array.from({ length: 17 }, () => ({ role: JobRole.HEIR, job: chore() }));
  at.result({ leaseId, outcome: { case: "success", value: { declarations } } });
  const [ack] = await at.acks(1);
  assert.equal(ack?.recorded, AttemptOutcome.FAILED);
  assert.match(ack?.error?.message ?? "", /TOO_MANY_HEIRS/);
  const dead = await call.getJob(job.id);
  assert.equal(dead.state, JobState.DEAD);
  assert.equal(dead.attempts[0]?.error?.name, "TOO_MANY_HEIRS");
});

function group() {
  return { typeUrl: "type.googleapis.com/conveyor.v1.Group", value: new Uint8Array() };
}
