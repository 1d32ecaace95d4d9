import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { ConveyorError } from "../../src/core/errors.ts";
import { createWorker, type ErrorContext, type JobContext, type WorkerOptions } from "../../src/index.ts";
import { type Deferred, deferred } from "../../src/runtime/deferred.ts";
import { codeToRpcStatus } from "../../src/wire/error-status.ts";
import { msToDuration } from "../../src/wire/time.ts";
import { failing } from "../client/failing.ts";
import { openScriptedBroker, type ScriptedBroker, type ScriptedStream, soonOr } from "./scripted-broker.ts";

interface Run {
  readonly context: JobContext;
  readonly end: Deferred<void>;
}

interface Scene extends AsyncDisposable {
  readonly broker: ScriptedBroker;
  readonly done: Promise<void>;
  readonly errors: readonly { readonly error: unknown; readonly context: ErrorContext }[];
  /** Handlers that began, by the lease's id; each waits for its `end`. */
  readonly runs: ReadonlyMap<string, Run>;
  /** Resolves when the handler of a lease has begun. */
  began(leaseId: string): Promise<Run>;
  stop(deadlineMs?: number): Promise<void>;
}

/** A running worker before a broker that the test plays. */
async function openScene(options: WorkerOptions = {}): Promise<Scene> {
  const broker = await openScriptedBroker();
  const runs = new Map<string, Run>();
  const errors: { error: unknown; context: ErrorContext }[] = [];
  let changed = deferred<void>();
  const worker = createWorker(broker.address, {
    concurrency: 2,
    name: "tester",
    onError: (error, context) => errors.push({ error, context }),
    ...options,
  }).handle(ChoreSchema, async ({ script }, context) => {
    const end = deferred<void>();
    runs.set(script, { context, end });
    changed.resolve();
    if (script !== "quick") await end.promise;
  });
  const done = worker.run();
  done.catch(() => undefined);
  return {
    broker,
    done,
    errors,
    runs,
    async began(leaseId) {
      for (;;) {
        const run = runs.get(leaseId);
        if (run !== undefined) return run;
        changed = deferred<void>();
        await soonOr(changed.promise, `the handler of ${leaseId} did not begin`);
      }
    },
    stop: (deadlineMs = 1_000) => worker.stop({ deadlineMs }),
    async [Symbol.asyncDispose]() {
      await broker[Symbol.asyncDispose]();
      for (const run of runs.values()) run.end.resolve();
      await worker.stop({ deadlineMs: 0 });
    },
  };
}

const heartbeatMs = 40;

function welcome(
  stream: ScriptedStream,
  value: { readonly sessionId?: string; readonly [key: string]: unknown } = {},
): void {
  stream.send({
    case: "welcome",
    value: {
      sessionId: "s-1",
      protocolVersion: 1,
      heartbeatInterval: msToDuration(heartbeatMs),
      watchdog: msToDuration(60_000),
      ...value,
    },
  });
}

function acknowledge(stream: ScriptedStream, leaseIds: readonly string[]): void {
  stream.send({
    case: "resultAcks",
    value: { acks: leaseIds.map((leaseId) => ({ leaseId, state: JobState.COMPLETED })) },
  });
}

test("protocol / Hello says who the worker is and what it takes", async () => {
  await using scene = await openScene({ concurrency: 3, queues: { default: { concurrency: 2 } }, window: 7 });
  const stream = await scene.broker.stream();
  const hello = await stream.next("hello");
  assert.deepEqual([hello.protocolVersion, hello.worker, hello.concurrency], [1, "tester", 3]);
  assert.match(hello.instanceId, /^[0-9a-f-]{36}$/);
  assert.deepEqual([hello.capacity?.maxInFlight, hello.resume], [7, undefined]);
  const [subscription] = hello.subscriptions;
  assert.deepEqual(
    [subscription?.queue, subscription?.types, subscription?.maxInFlight],
    ["default", ["shop.v1.Chore"], 2],
  );
});

test("protocol / a lease that was named as buffered is reported as started before its handler begins", async () => {
  await using scene = await openScene({ concurrency: 1, window: 3 });
  const stream = await scene.broker.stream();
  welcome(stream);
  stream.deliver(3n, ["a", "b", "c"]);
  const first = await scene.began("a");
  const heartbeat = await stream.next("heartbeat");
  assert.deepEqual(
    [heartbeat.receivedThrough, heartbeat.heldLeaseIds, heartbeat.bufferedLeaseIds],
    [3n, ["a", "b", "c"], ["b", "c"]],
  );
  first.end.resolve();
  const started = await stream.next("started");
  assert.deepEqual(started.leaseIds, ["b"]);
  assert.ok(!stream.kinds.slice(0, stream.kinds.indexOf("started")).includes("started"), "a was never named");
  await scene.began("b");
});

test("protocol / results of one turn share a frame and are kept until they are acknowledged", async () => {
  await using scene = await openScene({ concurrency: 2 });
  const stream = await scene.broker.stream();
  welcome(stream);
  stream.deliver(2n, ["a", "b"]);
  const [a, b] = [await scene.began("a"), await scene.began("b")];
  a.end.resolve();
  b.end.resolve();
  const { results } = await stream.next("results");
  assert.deepEqual(
    results.map((each) => [each.leaseId, each.outcome.case]),
    [
      ["a", "success"],
      ["b", "success"],
    ],
  );
  acknowledge(stream, ["a"]);
  await stream.next("heartbeat");
  const { heldLeaseIds } = await stream.next("heartbeat");
  assert.deepEqual(heldLeaseIds, ["b"]);
});

test("protocol / a new stream resumes the session with all that is in hand, and sends again what was not acknowledged", async () => {
  await using scene = await openScene({ concurrency: 2, window: 4 });
  const first = await scene.broker.stream();
  welcome(first);
  first.deliver(3n, ["ended", "running", "buffered"]);
  const [ended, running] = [await scene.began("ended"), await scene.began("running")];
  first.deliver(4n, ["more"]);
  ended.end.resolve();
  await scene.began("buffered");
  await first.next("results");
  first.close(new ConveyorError("DRAINING", "the broker goes"));
  const second = await scene.broker.stream();
  const { resume } = await second.next("hello");
  assert.equal(resume?.sessionId, "s-1");
  assert.deepEqual(
    resume?.held.map((each) => [each.leaseId, each.buffered, each.elapsed !== undefined]),
    [
      ["ended", false, false],
      ["running", false, true],
      ["buffered", false, true],
      ["more", true, false],
    ],
  );
  welcome(second, { keptLeaseIds: ["ended", "running", "buffered", "more"] });
  const { results } = await second.next("results");
  assert.deepEqual(
    results.map((each) => each.leaseId),
    ["ended"],
  );
  running.end.resolve();
  assert.deepEqual((await second.next("started")).leaseIds, ["more"], "named in the resume");
  assert.equal(running.context.signal.aborted, false);
});

test("protocol / what the broker did not keep is aborted, and its outcome is not sent", async () => {
  await using scene = await openScene();
  const first = await scene.broker.stream();
  welcome(first);
  first.deliver(2n, ["kept", "lost"]);
  const [kept, lost] = [await scene.began("kept"), await scene.began("lost")];
  first.close(new ConveyorError("DRAINING", "the broker goes"));
  const second = await scene.broker.stream();
  welcome(second, { keptLeaseIds: ["kept"], lostLeaseIds: ["lost"] });
  await second.next("heartbeat");
  assert.equal(kept.context.signal.aborted, false);
  failing("LEASE_LOST", "job-lost")(lost.context.signal.reason);
  lost.end.resolve();
  kept.end.resolve();
  const { results } = await second.next("results");
  assert.deepEqual(
    results.map((each) => each.leaseId),
    ["kept"],
  );
});

test("protocol / a replaced session loses every lease that has not ended", async () => {
  await using scene = await openScene();
  const first = await scene.broker.stream();
  welcome(first);
  first.deliver(2n, ["ended", "running"]);
  const [ended, running] = [await scene.began("ended"), await scene.began("running")];
  ended.end.resolve();
  await first.next("results");
  first.close(new ConveyorError("DRAINING", "the broker goes"));
  const second = await scene.broker.stream();
  welcome(second, { sessionId: "s-2", sessionReplaced: true });
  const { results } = await second.next("results");
  assert.deepEqual(
    results.map((each) => each.leaseId),
    ["ended"],
    "answered with what was stored",
  );
  failing("LEASE_LOST")(running.context.signal.reason);
  second.close(new ConveyorError("DRAINING", "the broker goes"));
  const third = await scene.broker.stream();
  assert.equal((await third.next("hello")).resume?.sessionId, "s-2");
});

test("protocol / leases that the broker takes back are aborted", async () => {
  await using scene = await openScene({ concurrency: 1, window: 3 });
  const stream = await scene.broker.stream();
  welcome(stream);
  stream.deliver(3n, ["a", "b", "c"]);
  const a = await scene.began("a");
  stream.send({ case: "leasesLost", value: { leaseIds: ["a", "b", "unknown"] } });
  const c = await scene.began("c");
  failing("LEASE_LOST", "job-a")(a.context.signal.reason);
  assert.equal(scene.runs.has("b"), false);
  c.end.resolve();
  assert.deepEqual(
    (await stream.next("results")).results.map((each) => each.leaseId),
    ["c"],
  );
});

test("protocol / a cancel aborts a running handler and gives a buffered lease back", async () => {
  await using scene = await openScene({ concurrency: 1, window: 2 });
  const stream = await scene.broker.stream();
  welcome(stream);
  stream.deliver(2n, ["a", "b"]);
  const a = await scene.began("a");
  stream.send({
    case: "cancelRequests",
    value: { requests: ["a", "b"].map((leaseId) => ({ leaseId, reason: "PARENT_CANCELLED" })) },
  });
  const { results } = await stream.next("results");
  assert.deepEqual(
    results.map((each) => [each.leaseId, each.outcome.case]),
    [["b", "release"]],
  );
  failing("ABORTED", "PARENT_CANCELLED")(a.context.signal.reason);
  a.end.reject(a.context.signal.reason);
  const last = (await stream.next("results")).results[0];
  assert.deepEqual([last?.leaseId, last?.outcome.case], ["a", "failure"]);
});

test("protocol / a session taken over by another is not resumed, its handlers are aborted", async () => {
  await using scene = await openScene();
  const first = await scene.broker.stream();
  const before = await first.next("hello");
  welcome(first);
  first.deliver(1n, ["a"]);
  const a = await scene.began("a");
  first.close(new ConveyorError("SESSION_SUPERSEDED", "a newer stream has this session"));
  const second = await scene.broker.stream();
  const hello = await second.next("hello");
  assert.deepEqual([hello.resume, hello.instanceId], [undefined, before.instanceId]);
  failing("LEASE_LOST")(a.context.signal.reason);
});

test("protocol / a session taken over by an older stream of our own is resumed", async () => {
  await using scene = await openScene();
  const first = await scene.broker.stream();
  welcome(first);
  first.deliver(1n, ["a"]);
  const a = await scene.began("a");
  first.close(new ConveyorError("DRAINING", "the broker goes"));
  (await scene.broker.stream()).close(new ConveyorError("DRAINING", "its Welcome is never seen"));
  const third = await scene.broker.stream();
  welcome(third, { keptLeaseIds: ["a"] });
  third.close(new ConveyorError("SESSION_SUPERSEDED", "the second stream's resume came late"));
  const fourth = await scene.broker.stream();
  assert.equal((await fourth.next("hello")).resume?.sessionId, "s-1");
  assert.equal(a.context.signal.aborted, false);
});

for (const code of ["ROLE_MISSING", "CREDENTIALS_INVALID", "INVALID_OPTION", "METHOD_UNKNOWN"] as const) {
  test(`protocol / ${code} is final: run rejects and says what the broker said`, async () => {
    await using scene = await openScene();
    const stream = await scene.broker.stream();
    stream.close(new ConveyorError(code, "not this one"));
    await assert.rejects(scene.done, failing(code, scene.broker.address, "not this one"));
    await scene.stop();
  });
}

test("protocol / any other end is no end: the worker comes back", async () => {
  await using scene = await openScene();
  const errors = [undefined, new ConveyorError("INTERNAL", "a bug"), new ConveyorError("SERVER_BUSY", "full")];
  for (const error of errors) {
    const stream = await scene.broker.stream();
    welcome(stream);
    stream.close(error);
  }
  await scene.broker.stream();
});

test("protocol / a silent broker is left after the watchdog's time", async () => {
  await using scene = await openScene();
  const first = await scene.broker.stream();
  welcome(first, { watchdog: msToDuration(200) });
  await soonOr(first.closed, "the stream was not cut");
  const second = await scene.broker.stream();
  assert.equal((await second.next("hello")).resume?.sessionId, "s-1");
  assert.match(String(scene.errors[0]?.error), /200 ms/);
});

test("protocol / pings keep a quiet stream", async (t: TestContext) => {
  await using scene = await openScene();
  const stream = await scene.broker.stream();
  welcome(stream, { watchdog: msToDuration(200) });
  const pings = setInterval(() => stream.send({ case: "ping", value: {} }), 20);
  t.after(() => clearInterval(pings));
  let closed = false;
  void stream.closed.then(() => {
    closed = true;
  });
  // The watchdog looks once a second: thirty heartbeats of 40 ms are longer.
  for (let index = 0; index < 30; index += 1) await stream.next("heartbeat");
  assert.equal(closed, false);
});

test("protocol / handlers of microseconds widen the window to four times the concurrency", async () => {
  await using scene = await openScene({ concurrency: 2 });
  const stream = await scene.broker.stream();
  const hello = await stream.next("hello");
  assert.equal(hello.capacity?.maxInFlight, 2);
  welcome(stream);
  stream.deliver(
    10n,
    Array.from({ length: 10 }, (_, index) => `l-${index}`),
    { script: "quick" },
  );
  const capacity = await stream.next("capacity");
  assert.deepEqual([capacity.maxInFlight, capacity.seq], [8, 2n]);
});

/** A worker of concurrency 1 with one handler that has lost its lease and goes on, and another, `b`, at work. */
async function besideRunaway(
  scene: Scene,
): Promise<{ readonly stream: ScriptedStream; readonly a: Run; readonly b: Run }> {
  const stream = await scene.broker.stream();
  await stream.next("hello");
  welcome(stream);
  stream.deliver(2n, ["a", "b"]);
  const a = await scene.began("a");
  stream.send({ case: "leasesLost", value: { leaseIds: ["a"] } });
  return { stream, a, b: await scene.began("b") };
}

test("protocol / a worker whose handlers all ignore their abort takes no more, gives back, says so once, and takes again when one ends (40)", async () => {
  await using scene = await openScene({ concurrency: 1, window: 3 });
  const { stream, a, b } = await besideRunaway(scene);
  stream.deliver(4n, ["c", "d"]);
  stream.send({ case: "leasesLost", value: { leaseIds: ["b"] } });
  const closed = await stream.next("capacity");
  assert.deepEqual([closed.maxInFlight, closed.seq], [0, 2n]);
  const released = async () => (await stream.next("results")).results.map((each) => [each.leaseId, each.outcome.case]);
  assert.deepEqual(await released(), [
    ["c", "release"],
    ["d", "release"],
  ]);
  stream.deliver(5n, ["e"]); // was on its way
  assert.deepEqual(await released(), [["e", "release"]]);
  a.end.resolve();
  const again = await stream.next("capacity");
  assert.deepEqual([again.maxInFlight, again.seq], [3, 3n]);
  stream.deliver(6n, ["f"]);
  (await scene.began("f")).end.resolve();
  b.end.resolve();
  assert.deepEqual(await released(), [["f", "success"]]);
  assert.deepEqual([...scene.runs.keys()], ["a", "b", "f"]);
  assert.deepEqual(
    scene.errors.map((each) => each.context),
    [{ kind: "worker" }],
  );
  failing("WORKER_STUCK", "2 of shop.v1.Chore", "signal")(scene.errors[0]?.error);
});

test("protocol / a worker with no room for handlers asks for no jobs when it connects again", async () => {
  await using scene = await openScene({ concurrency: 1, window: 3 });
  const { stream, b } = await besideRunaway(scene);
  stream.send({ case: "leasesLost", value: { leaseIds: ["b"] } });
  await stream.next("capacity");
  stream.close(new ConveyorError("DRAINING", "the broker goes"));
  const second = await scene.broker.stream();
  assert.equal((await second.next("hello")).capacity?.maxInFlight, 0);
  welcome(second);
  b.end.resolve();
  assert.equal((await second.next("capacity")).maxInFlight, 3);
});

test("protocol / a handler that heeds its abort closes no window", async () => {
  await using scene = await openScene({ concurrency: 1, window: 3 });
  const { stream, b } = await besideRunaway(scene);
  b.context.signal.addEventListener("abort", () => b.end.resolve());
  stream.deliver(3n, ["c"]);
  stream.send({ case: "leasesLost", value: { leaseIds: ["b"] } });
  (await scene.began("c")).end.resolve();
  const { results } = await stream.next("results");
  assert.deepEqual([results.length, results[0]?.outcome.case], [1, "success"]);
  await stream.next("heartbeat");
  assert.deepEqual([stream.kinds.includes("capacity"), scene.errors], [false, []]);
});

test("protocol / what a stop leaves running is no reason to complain of a full worker", async () => {
  await using scene = await openScene({ concurrency: 1, window: 3 });
  const { stream } = await besideRunaway(scene);
  const stopped = scene.stop(0);
  assert.equal((await stream.next("results")).results[0]?.leaseId, "b");
  acknowledge(stream, ["b"]);
  stream.send({ case: "capacityApplied", value: { seq: 2n } });
  await stream.next("goodbye");
  await stopped;
  assert.deepEqual(scene.errors, []);
});

test("protocol / the window shrinks with the room that runaways leave", async () => {
  await using scene = await openScene({ concurrency: 4 });
  const stream = await scene.broker.stream();
  welcome(stream);
  const ids = ["a", "b", "c", "d", "e"];
  for (const [index, id] of ids.entries()) {
    stream.deliver(BigInt(index + 1), [id]);
    await scene.began(id);
    stream.send({ case: "leasesLost", value: { leaseIds: [id] } });
  }
  assert.equal((await stream.next("capacity")).maxInFlight, 3);
  assert.deepEqual(scene.errors, []);
  scene.runs.get("a")?.end.resolve();
  assert.equal((await stream.next("capacity")).maxInFlight, 4);
});

test("protocol / a result that the broker refuses is told to onError", async () => {
  await using scene = await openScene();
  const stream = await scene.broker.stream();
  welcome(stream);
  stream.deliver(1n, ["a"]);
  (await scene.began("a")).end.resolve();
  await stream.next("results");
  const error = codeToRpcStatus("LEASE_LOST", "too late");
  stream.send({ case: "resultAcks", value: { acks: [{ leaseId: "a", error }] } });
  await stream.next("heartbeat");
  assert.equal(scene.errors.length, 1);
  failing("LEASE_LOST", "too late")(scene.errors[0]?.error);
  assert.deepEqual(scene.errors[0]?.context, { kind: "result", jobId: "job-a", type: "shop.v1.Chore", attempt: 1 });
});

test("protocol / a clean stop closes the window, gives back, waits for acknowledgements, then says goodbye", async () => {
  await using scene = await openScene({ concurrency: 1, window: 3 });
  const stream = await scene.broker.stream();
  await stream.next("hello");
  welcome(stream, { heartbeatInterval: msToDuration(3_600_000) });
  stream.deliver(2n, ["a", "b"]);
  const a = await scene.began("a");
  const stopped = scene.stop();
  const capacity = await stream.next("capacity");
  assert.equal(capacity.maxInFlight, 0);
  assert.deepEqual(
    (await stream.next("results")).results.map((each) => [each.leaseId, each.outcome.case]),
    [["b", "release"]],
  );
  stream.deliver(3n, ["c"]);
  assert.deepEqual(
    (await stream.next("results")).results.map((each) => [each.leaseId, each.outcome.case]),
    [["c", "release"]],
  );
  a.end.resolve();
  await stream.next("results");
  acknowledge(stream, ["b", "c"]);
  stream.send({ case: "capacityApplied", value: { seq: capacity.seq } });
  stream.send({ case: "ping", value: {} });
  assert.ok(!stream.kinds.includes("goodbye"));
  acknowledge(stream, ["a"]);
  await stream.next("goodbye");
  await Promise.all([stopped, scene.done, stream.closed]);
  assert.deepEqual(stream.kinds, ["hello", "capacity", "results", "results", "results", "goodbye"]);
});

test("protocol / frames that the worker does not know are passed over", async () => {
  await using scene = await openScene();
  const stream = await scene.broker.stream();
  stream.send({ case: undefined });
  welcome(stream);
  welcome(stream, { sessionId: "second welcome" });
  stream.deliver(1n, ["a"]);
  stream.deliver(1n, ["a"]);
  (await scene.began("a")).end.resolve();
  acknowledge(stream, ["unknown"]);
  assert.equal((await stream.next("results")).results.length, 1);
});
