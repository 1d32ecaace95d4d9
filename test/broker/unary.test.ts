import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { AttemptOutcome, JobRole, JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { WorkerService } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { fromRpcStatus } from "../../src/wire/error-status.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { failing } from "../client/failing.ts";
import { startTwoWorlds } from "./two-worlds.ts";
import { chore, chores, startWorld, type World } from "./world.ts";

const { method } = WorkerService;
type LeaseInit = MessageInitShape<typeof method.leaseJobs.input>;

/** A worker in a language without streams, one call after the other. */
function unaryWorker({ client }: Pick<World, "client">) {
  let requests = 0;
  return {
    lease(request: LeaseInit = {}, options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {}) {
      requests += 1;
      const init = {
        requestId: `request-${requests}`,
        worker: "py",
        subscriptions: [chores],
        maxJobs: 100,
        ...request,
      };
      return callUnary(client, method.leaseJobs, init, options);
    },
    report: (results: MessageInitShape<typeof method.reportResults.input>["results"] & {}) =>
      callUnary(client, method.reportResults, { results }),
    succeed: (leaseIds: readonly string[]) =>
      callUnary(client, method.reportResults, {
        results: leaseIds.map((leaseId) => ({ leaseId, outcome: { case: "success" as const, value: {} } })),
      }),
    extend: (sessionId: string, heldLeaseIds: string[]) =>
      callUnary(client, method.extendLeases, { sessionId, heldLeaseIds }),
    release: (sessionId: string, leaseIds: string[] = []) =>
      callUnary(client, method.releaseLeases, { sessionId, leaseIds }),
    stage: (leaseId: string, seq: number, count: number) =>
      callUnary(client, method.stageChildren, {
        stage: {
          leaseId,
          seq: BigInt(seq),
          children: Array.from({ length: count }, () => ({ role: JobRole.CHILD, job: chore() })),
        },
      }),
  };
}

const idsOf = ({ deliveries }: { readonly deliveries: readonly { readonly leaseId: string }[] }) =>
  deliveries.map(({ leaseId }) => leaseId);
const seconds = (count: number) => ({ seconds: BigInt(count) });

test("unary / jobs are leased, reported and over, without a stream", async (t) => {
  const world = await startWorld(t);
  const worker = unaryWorker(world);
  await world.call.enqueueChores(5);
  const leased = await worker.lease({ maxJobs: 3 });
  assert.equal(leased.deliveries.length, 3);
  assert.equal(leased.deliveries[0]?.payload?.typeUrl, "type.googleapis.com/shop.v1.Chore");
  const { acks } = await worker.succeed(idsOf(leased));
  assert.ok(acks.every((ack) => ack.state === JobState.COMPLETED && ack.recorded === AttemptOutcome.SUCCEEDED));
  const rest = await worker.lease({ sessionId: leased.sessionId });
  assert.equal(rest.deliveries.length, 2);
  assert.equal(rest.sessionId, leased.sessionId);
  assert.equal(rest.sessionReplaced, false);
});

test("unary / a call waits for the first job, and no longer than it may", async (t) => {
  const world = await startWorld(t);
  const worker = unaryWorker(world);
  const waiting = worker.lease({ wait: seconds(30) });
  const first = await worker.lease({ worker: "other" });
  assert.deepEqual(first.deliveries, []);
  await world.call.enqueueChore();
  assert.equal((await waiting).deliveries.length, 1);
  const began = performance.now();
  const none = await worker.lease({ sessionId: first.sessionId, wait: seconds(60) }, { timeoutMs: 1_200 });
  assert.deepEqual(none.deliveries, []);
  assert.ok(performance.now() - began < 1_200, "500 ms before its deadline");
});

test("unary / the same request id returns the same leases, the first call's too, and a used one is refused", async (t) => {
  const world = await startWorld(t);
  const worker = unaryWorker(world);
  await world.call.enqueueChores(6);
  const first = await worker.lease({ requestId: "a", maxJobs: 2 });
  const again = await worker.lease({ requestId: "a", maxJobs: 2 });
  assert.deepEqual([again.sessionId, idsOf(again)], [first.sessionId, idsOf(first)]);
  const held = idsOf(first);
  const next = { sessionId: first.sessionId, requestId: "b", maxJobs: 2, heldLeaseIds: held };
  const second = await worker.lease(next);
  assert.equal(second.deliveries.length, 2);
  assert.deepEqual(idsOf(await worker.lease(next)), idsOf(second), "although it names none of them as held");
  await worker.succeed([...held, ...idsOf(second)]);
  await assert.rejects(worker.lease({ ...next, heldLeaseIds: [] }), failing("REQUEST_ID_REUSED", "b"));
  const jobs = (await world.store.dump()).jobs.filter((job) => job.attempt > 0);
  assert.deepEqual([jobs.length, jobs.every((job) => job.attempt === 1)], [4, true]);
});

test("unary / what a lost answer leased goes back free with the next call", async (t) => {
  const world = await startWorld(t);
  const worker = unaryWorker(world);
  await world.call.enqueueChores(3);
  const first = await worker.lease({ maxJobs: 1 });
  const [held = ""] = idsOf(first);
  await worker.lease({ sessionId: first.sessionId, maxJobs: 1, heldLeaseIds: [held] }); // its answer is lost
  const third = await worker.lease({ sessionId: first.sessionId, maxJobs: 10, heldLeaseIds: [held] });
  assert.equal(third.deliveries.length, 2);
  const jobs = (await world.store.dump()).jobs;
  assert.deepEqual(
    jobs.map((job) => [job.crashCount, job.failureCount]),
    [
      [0, 0],
      [0, 0],
      [0, 0],
    ],
  );
  assert.equal(
    jobs.reduce((sum, job) => sum + job.releaseCount, 0),
    1,
  );
});

test("unary / a caller that is gone is leased nothing for long", async (t) => {
  const world = await startWorld(t);
  const worker = unaryWorker(world);
  const gone = new AbortController();
  const waiting = worker.lease({ wait: seconds(30) }, { signal: gone.signal });
  waiting.catch(() => undefined);
  await worker.lease({ worker: "other" });
  gone.abort();
  await assert.rejects(waiting);
  await world.call.enqueueChore();
  const found = await worker.lease({ wait: seconds(10) });
  assert.equal(found.deliveries.length, 1);
  assert.equal(found.deliveries[0]?.failureCount, 0);
});

test("unary / a session is kept alive by its calls, and reaped as a stream's without them (15, 16)", async (t) => {
  const world = await startWorld(t, { intervals: { sessionTtlMs: 700, tickMs: 20 } });
  const worker = unaryWorker(world);
  const job = await world.call.enqueueChore("", { maxAttempts: 3 });
  const { sessionId, deliveries, sessionTtl } = await worker.lease();
  assert.equal(sessionTtl?.nanos, 700_000_000);
  const [leaseId = ""] = idsOf({ deliveries });
  for (const until = Date.now() + 1_500; Date.now() < until; ) {
    assert.deepEqual((await worker.extend(sessionId, [leaseId])).lostLeaseIds, []);
  }
  while ((await world.call.getJob(job.id)).crashCount === 0);
  await assert.rejects(worker.extend(sessionId, [leaseId]), failing("SESSION_SUPERSEDED"));
  const next = await worker.lease({ sessionId, heldLeaseIds: [leaseId] });
  assert.deepEqual([next.sessionReplaced, next.lostLeaseIds], [true, [leaseId]]);
  const { acks } = await worker.succeed([leaseId]);
  assert.equal(acks[0]?.error && fromRpcStatus(acks[0].error).code, "LEASE_LOST");
});

test("unary / leases and sessions are given back unharmed", async (t) => {
  const world = await startWorld(t);
  const worker = unaryWorker(world);
  await world.call.enqueueChores(4);
  const leased = await worker.lease();
  const [one = "", ...rest] = idsOf(leased);
  assert.equal((await worker.release(leased.sessionId, [one])).released, 1);
  assert.deepEqual((await worker.extend(leased.sessionId, [one, ...rest])).lostLeaseIds, [one]);
  assert.equal((await worker.release(leased.sessionId)).released, 3);
  await assert.rejects(worker.extend(leased.sessionId, []), failing("SESSION_SUPERSEDED"));
  const jobs = (await world.store.dump()).jobs;
  assert.ok(jobs.every((job) => job.state === "READY" && job.releaseCount === 1 && job.crashCount === 0));
});

test("unary / a cancel is told with the next call, and what does not stop in time is taken (38, 40)", async (t) => {
  const world = await startWorld(t, { intervals: { cancelGraceMs: 100 } });
  const worker = unaryWorker(world);
  const job = await world.call.enqueueChore();
  const { sessionId, deliveries } = await worker.lease();
  const [leaseId = ""] = idsOf({ deliveries });
  const waiting = worker.lease({ sessionId, heldLeaseIds: [leaseId], wait: seconds(30) });
  await world.store.cancel([{ id: job.id as never, includeHeirs: false }]);
  const [asked] = (await waiting).cancelRequests;
  assert.deepEqual([asked?.leaseId, asked?.reason], [leaseId, "REQUESTED"]);
  let lost: readonly string[] = [];
  while (lost.length === 0) lost = (await worker.extend(sessionId, [leaseId])).lostLeaseIds;
  assert.equal((await world.call.getJob(job.id)).state, JobState.CANCELLED);
});

test("unary / a job that runs over its time-out is taken", async (t) => {
  const world = await startWorld(t, { intervals: { timeoutGraceMs: 50 } });
  const worker = unaryWorker(world);
  const job = await world.call.enqueueChore("", { timeout: { nanos: 50_000_000 }, maxAttempts: 1 });
  const { sessionId, deliveries } = await worker.lease();
  let lost: readonly string[] = [];
  while (lost.length === 0) lost = (await worker.extend(sessionId, idsOf({ deliveries }))).lostLeaseIds;
  const { state, attempts } = await world.call.getJob(job.id);
  assert.deepEqual([state, attempts[0]?.outcome], [JobState.DEAD, AttemptOutcome.TIMED_OUT]);
});

test("unary / children are staged before a result names them", async (t) => {
  const world = await startWorld(t);
  const worker = unaryWorker(world);
  const job = await world.call.enqueueChore();
  const [leaseId = ""] = idsOf(await worker.lease({ maxJobs: 1 }));
  assert.equal((await worker.stage(leaseId, 1, 1_000)).staged, 1_000);
  assert.equal((await worker.stage(leaseId, 1, 1_000)).staged, 1_000);
  await assert.rejects(worker.stage(leaseId, 3, 1), failing("FRAME_OUT_OF_ORDER", "2"));
  await assert.rejects(worker.stage("nobody-0", 1, 1), failing("LEASE_LOST"));
  assert.equal((await worker.stage(leaseId, 2, 500)).staged, 1_500);
  const success = { case: "success" as const, value: { staged: 1_500 } };
  const { acks } = await worker.report([{ leaseId, outcome: success }]);
  assert.deepEqual([acks[0]?.state, acks[0]?.error], [JobState.AWAITING_CHILDREN, undefined]);
  assert.equal((await world.call.getJob(job.id)).pendingChildren, 1_500);
});

test("unary / a session is a stream's or unary, never both; a result is taken on any path", async (t) => {
  const world = await startWorld(t);
  const worker = unaryWorker(world);
  await world.call.enqueueChores(1);
  const stream = await world.worker();
  const [delivery] = await stream.deliveries(1);
  const { sessionId } = stream.welcome;
  await assert.rejects(worker.lease({ sessionId }), failing("INVALID_OPTION", "session_id"));
  await assert.rejects(worker.extend(sessionId, []), failing("INVALID_OPTION", "session_id"));
  const { acks } = await worker.succeed([delivery?.leaseId ?? ""]);
  assert.equal(acks[0]?.state, JobState.COMPLETED);
  stream.capacity(0);
  await stream.next("capacityApplied");
  await world.call.enqueueChore();
  const unary = await worker.lease({ worker: "two", wait: seconds(5) });
  const resumed = await world.worker({ resume: { sessionId: unary.sessionId, held: [] } });
  assert.equal(resumed.welcome.sessionReplaced, true);
});

test("unary / a newer call ends the wait of the one before it", async (t) => {
  const world = await startWorld(t);
  const worker = unaryWorker(world);
  const { sessionId } = await worker.lease();
  const waiting = worker.lease({ sessionId, wait: seconds(60) });
  await worker.extend(sessionId, []);
  const newer = worker.lease({ sessionId, wait: seconds(20) });
  assert.deepEqual((await waiting).deliveries, []);
  await world.call.enqueueChore();
  assert.equal((await newer).deliveries.length, 1);
});

test("unary / a session of another principal is none", async (t) => {
  const world = await startWorld(t, { authenticate: ({ metadata }) => String(metadata.get("who")[0] ?? "") });
  await world.call.enqueueChores(2);
  const { Metadata } = await import("@grpc/grpc-js");
  const as = (who: string) => {
    const metadata = new Metadata();
    metadata.set("who", who);
    return { metadata };
  };
  const init = { requestId: "r", worker: "py", subscriptions: [chores], maxJobs: 1 };
  const ada = await callUnary(world.client, method.leaseJobs, init, as("ada"));
  const eve = await callUnary(world.client, method.leaseJobs, { ...init, sessionId: ada.sessionId }, as("eve"));
  assert.equal(eve.sessionReplaced, true);
  assert.notEqual(eve.deliveries[0]?.leaseId, ada.deliveries[0]?.leaseId);
  const results = [{ leaseId: idsOf(ada)[0] ?? "", outcome: { case: "success" as const, value: {} } }];
  const { acks } = await callUnary(world.client, method.reportResults, { results }, as("eve"));
  assert.equal(acks[0]?.error && fromRpcStatus(acks[0].error).code, "LEASE_LOST");
});

test("unary / any broker serves any call (22)", async (t) => {
  const [one, other] = await startTwoWorlds(t);
  const [here, there] = [unaryWorker(one), unaryWorker(other)];
  await one.call.enqueueChores(3);
  const first = await here.lease({ requestId: "a", maxJobs: 1 });
  const again = await there.lease({ requestId: "a", maxJobs: 1 });
  assert.deepEqual([again.sessionId, idsOf(again)], [first.sessionId, idsOf(first)], "a repeat of the first call");
  const held = idsOf(first);
  const second = await there.lease({ sessionId: first.sessionId, maxJobs: 1, heldLeaseIds: held });
  assert.equal(second.deliveries.length, 1);
  const all = [...held, ...idsOf(second)];
  const third = await here.lease({ sessionId: first.sessionId, maxJobs: 1, heldLeaseIds: all });
  assert.deepEqual([third.deliveries.length, third.lostLeaseIds, third.sessionReplaced], [1, [], false]);
  const heldLeaseIds = [...all, ...idsOf(third)];
  const waitOn = () => here.lease({ sessionId: first.sessionId, wait: seconds(20), heldLeaseIds });
  const waiting = waitOn();
  assert.deepEqual((await there.extend(first.sessionId, heldLeaseIds)).lostLeaseIds, []);
  await other.call.enqueueChore();
  const ended = await waiting; // a call at the other broker may end a wait before its time
  const fourth = ended.deliveries.length > 0 ? ended : await waitOn();
  const leases = [...all, ...idsOf(third), ...idsOf(fourth)];
  const { acks } = await there.succeed(leases);
  assert.ok(acks.every((ack) => ack.state === JobState.COMPLETED));
  const { jobs } = await one.store.dump();
  assert.ok(jobs.every((job) => job.attempt === 1 && job.releaseCount === 0));
});

test("unary / what is no request is refused with its field", async (t) => {
  const world = await startWorld(t);
  const worker = unaryWorker(world);
  await assert.rejects(worker.lease({ requestId: "" }), failing("INVALID_NAME", "request_id"));
  await assert.rejects(worker.lease({ maxJobs: 0 }), failing("INVALID_OPTION", "max_jobs"));
  await assert.rejects(worker.lease({ maxJobs: 1_001 }), failing("INVALID_OPTION", "max_jobs"));
  await assert.rejects(worker.lease({ wait: seconds(61) }), failing("INVALID_OPTION", "wait"));
  await assert.rejects(worker.lease({ subscriptions: [] }), failing("INVALID_OPTION", "subscriptions"));
  await assert.rejects(worker.report([{ leaseId: "x-0" }]), failing("FRAME_INVALID", "results[0].outcome"));
});
