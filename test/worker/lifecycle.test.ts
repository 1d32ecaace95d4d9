import assert from "node:assert/strict";
import { test } from "node:test";
import { ChoreSchema, SendEmailSchema } from "../../gen/shop/v1/shop_pb.ts";
import type { WorkerHooks } from "../../src/index.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { failing, soon } from "../client/failing.ts";
import { openWorld } from "../client/world.ts";

/** Every hook, writing down its name and throwing what it can. */
function throwingHooks(told: string[]): WorkerHooks {
  const hook =
    (name: string) =>
    (...said: readonly unknown[]) => {
      const [first] = said;
      const attempt = typeof first === "object" && first !== null && "attempt" in first ? ` ${first.attempt}` : "";
      told.push(`${name}${attempt}`);
      if (told.length % 2 === 0) throw new Error(`${name} throws`);
      return Promise.reject(new Error(`${name} rejects`));
    };
  return {
    onError: hook("error"),
    onStarted: hook("started"),
    onConnected: hook("connected"),
    onDisconnected: hook("disconnected"),
    onJobStarted: hook("job started"),
    onJobSucceeded: hook("job succeeded"),
    onJobFailed: hook("job failed"),
    onDrained: hook("drained"),
    onStopped: hook("stopped"),
    onStateChange: () => {
      throw new Error("throws, too");
    },
  };
}

test("lifecycle / hooks are told all that happens, and what they throw loses nothing (31)", async () => {
  await using world = await openWorld();
  const told: string[] = [];
  const worker = world.worker({ concurrency: 1, ...throwingHooks(told) }).handle(ChoreSchema, (_, { attempt }) => {
    if (attempt === 1) throw new Error("once more");
  });
  const done = worker.run();
  const backoff = { kind: "FIXED", initial: "1ms" } as const;
  const handle = await world.client.enqueue(ChoreSchema, {}, { backoff });
  const info = await handle.wait({ signal: soon() });
  assert.deepEqual([info.state, info.failureCount], ["COMPLETED", 1]);
  await worker.stop();
  await done;
  assert.deepEqual(told, [
    "started",
    "connected",
    "job started 1",
    "error",
    "job failed 1",
    "job started 2",
    "job succeeded 2",
    "drained",
    "stopped",
  ]);
});

test("lifecycle / a connection that is lost and made again is told", async () => {
  await using world = await openWorld();
  const lost = deferred<unknown>();
  const back = deferred<void>();
  const connected: string[] = [];
  const worker = world
    .worker({
      onDisconnected: lost.resolve,
      onConnected({ sessionId }) {
        connected.push(sessionId);
        if (connected.length === 2) back.resolve();
      },
    })
    .handle(ChoreSchema, () => undefined);
  const first = world.client.enqueue(ChoreSchema, {});
  void worker.run();
  await (await first).wait({ signal: soon() });
  await world.stopBroker();
  failing("DRAINING")(await lost.promise);
  await world.startBroker();
  await back.promise;
  assert.equal(connected[0], connected[1], "the same session");
});

test("middleware / layers lie around each handler, the first outermost", async () => {
  await using world = await openWorld();
  const steps: string[] = [];
  const layer = (name: string) => async (_: unknown, next: () => Promise<unknown>) => {
    steps.push(`${name} in`);
    const given = await next();
    steps.push(`${name} out`);
    assert.deepEqual(given, { messageId: "1" });
  };
  const worker = world
    .worker()
    .use(layer("a"))
    .use(layer("b"))
    .handle(SendEmailSchema, () => {
      steps.push("handler");
      return { messageId: "1" };
    });
  void worker.run();
  const handle = await world.client.enqueue(SendEmailSchema, {});
  assert.equal((await handle.wait({ signal: soon() })).state, "COMPLETED");
  assert.deepEqual(steps, ["a in", "b in", "handler", "b out", "a out"]);
  assert.equal(Reflect.get(await handle.result({ signal: soon() }), "messageId"), "1");
});

test("middleware / what it throws, decides or leaves out is the attempt's outcome", async () => {
  await using world = await openWorld();
  const worker = world
    .worker()
    .use(async (job, next) => {
      const { kind } = job.metadata;
      if (kind === "throw") throw new Error("the layer throws");
      if (kind === "discard") return job.discard("no");
      if (kind === "skip") return;
      if (kind === "twice") await next();
      if (kind === "swallow") return next().catch(() => undefined);
      if (kind === "hurry") return void next();
      if (kind === "look away") {
        void next();
        for (let turn = 0; turn < 10; turn += 1) await new Promise(setImmediate); // the handler has ended by then
        return;
      }
      return next();
    })
    .handle(ChoreSchema, async ({ script }) => {
      await new Promise(setImmediate);
      if (script === "fail") throw new Error("the handler throws");
    });
  void worker.run();
  const outcome = async (kind: string, script = "") => {
    const handle = await world.client.enqueue(ChoreSchema, { script }, { maxAttempts: 1, metadata: { kind } });
    const { state, attempts } = await handle.wait({ signal: soon() });
    return [state, attempts[0]?.outcome, attempts[0]?.error?.name ?? ""];
  };
  assert.deepEqual(await outcome("throw"), ["DEAD", "FAILED", "Error"]);
  assert.deepEqual(await outcome("discard"), ["DEAD", "DISCARDED", "NonErrorThrown"]);
  assert.deepEqual(await outcome("skip"), ["DEAD", "FAILED", "INVALID_OPTION"]);
  assert.deepEqual(await outcome("twice"), ["DEAD", "FAILED", "INVALID_OPTION"]);
  assert.deepEqual(await outcome("", "fail"), ["DEAD", "FAILED", "Error"]);
  assert.deepEqual(await outcome("swallow", "fail"), ["COMPLETED", "SUCCEEDED", ""]);
  assert.deepEqual(await outcome("hurry"), ["COMPLETED", "SUCCEEDED", ""]);
  assert.deepEqual(await outcome("hurry", "fail"), ["DEAD", "FAILED", "Error"]);
  assert.deepEqual(await outcome("look away"), ["COMPLETED", "SUCCEEDED", ""]);
  assert.deepEqual(await outcome("look away", "fail"), ["DEAD", "FAILED", "Error"]);
});

test("middleware / comes before the worker runs", async () => {
  await using world = await openWorld();
  const worker = world.worker().handle(ChoreSchema, () => undefined);
  void worker.run();
  assert.throws(() => worker.use(() => undefined), failing("CLOSED"));
});

test("signals / the first lets what runs end, the second gives it back at once", async () => {
  await using world = await openWorld();
  const started = deferred<void>();
  const gate = deferred<void>();
  const stopping = deferred<void>();
  const worker = world
    .worker({ onStateChange: (state) => state === "stopping" && stopping.resolve() })
    .handle(ChoreSchema, () => {
      started.resolve();
      return gate.promise;
    });
  const done = worker.run();
  const handle = await world.client.enqueue(ChoreSchema, {});
  await started.promise;
  process.emit("SIGTERM");
  await stopping.promise;
  assert.equal((await handle.get()).state, "RUNNING");
  process.emit("SIGINT");
  await done;
  const info = await handle.get();
  assert.deepEqual([info.state, info.failureCount, info.crashCount, info.releaseCount], ["READY", 0, 0, 1]);
  assert.equal(process.listenerCount("SIGTERM"), 0);
});

test("signals / are left alone by a worker that is told so", async () => {
  await using world = await openWorld();
  const worker = world.worker().handle(ChoreSchema, () => undefined);
  void worker.run({ signals: false });
  assert.equal(process.listenerCount("SIGTERM"), 0);
});
