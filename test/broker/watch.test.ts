import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { JobRole, JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { type JobEvent, JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { ConveyorError } from "../../src/core/errors.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { createLogger } from "../../src/runtime/logger.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { openWatcher, type ScriptedWatcher } from "./scripted-watcher.ts";
import { startTwoWorlds, withoutNews } from "./two-worlds.ts";
import { chore, startWorld, type World } from "./world.ts";

const success = { case: "success" as const, value: {} };
const never = 600_000;
const isIn = (state: JobState) => (event: JobEvent) => event.job?.state === state;

const watch = (world: World, request: Parameters<typeof openWatcher>[1]) => openWatcher(world.client, request);

/** A root with so many children that wait for it. */
async function family(world: World, children: number) {
  const below = Array.from({ length: children }, (_, index) => ({
    parentIndex: 0,
    node: { role: JobRole.CHILD, key: `${index}`, job: chore(`${index}`) },
  }));
  return world.call.enqueue({ case: "tree", value: { nodes: [{ node: { job: chore() } }, ...below] } });
}

test("watch / a job's state comes at once, and then whenever it changes, the last one for sure", async (t) => {
  const world = await startWorld(t);
  const job = await world.call.enqueueChore();
  const watcher = watch(world, { ids: [job.id, "nope"] });
  await watcher.once(() => watcher.events.length === 2);
  const [first, gone] = [...watcher.events].sort((a) => (a.id === job.id ? -1 : 1));
  assert.deepEqual([first?.job?.state, first?.job?.payload], [JobState.READY, undefined]);
  assert.deepEqual([gone?.id, gone?.job], ["nope", undefined]);
  const at = await world.worker();
  const [delivery] = await at.deliveries(1);
  await watcher.until(isIn(JobState.RUNNING));
  at.send({
    case: "progress",
    value: { reports: [{ leaseId: delivery?.leaseId ?? "", progress: { fraction: 0.5, message: "half" } }] },
  });
  const told = await watcher.until((event) => event.job?.progress !== undefined);
  assert.deepEqual([told.at(-1)?.job?.progress?.fraction, told.at(-1)?.job?.progress?.message], [0.5, "half"]);
  at.result({ leaseId: delivery?.leaseId ?? "", outcome: success });
  const events = await watcher.until(isIn(JobState.COMPLETED));
  assert.ok((events.at(-1)?.job?.version ?? 0n) > (first?.job?.version ?? 0n));
});

test("watch / a job that is removed is gone, one that comes later is there", async (t) => {
  const world = await startWorld(t);
  const watcher = watch(world, { ids: ["later"] });
  await watcher.until((event) => event.job === undefined);
  await world.call.enqueueChore("", { id: "later" });
  await watcher.until(isIn(JobState.READY));
  await callUnary(world.client, JobService.method.cancelJob, { id: "later" });
  await watcher.until(isIn(JobState.CANCELLED));
  await callUnary(world.client, JobService.method.deleteJob, { id: "later" });
  await watcher.until((event) => event.job === undefined);
});

for (const [how, options] of [
  ["by a hint", { intervals: { pollMs: never, lookMs: never, heartbeatMs: never } }],
  ["by looking, when the hint is lost", { wrap: withoutNews }],
] as const) {
  test(`watch / the end of a job at another broker is seen ${how}`, async (t) => {
    const [a, b] = await startTwoWorlds(t, options);
    const at = await b.worker();
    const job = await b.call.enqueueChore();
    const [delivery] = await at.deliveries(1);
    const watcher = watch(a, { ids: [job.id] });
    await watcher.until(isIn(JobState.RUNNING));
    at.result({ leaseId: delivery?.leaseId ?? "", outcome: success });
    await watcher.until(isIn(JobState.COMPLETED));
  });
}

test("watch / a chain shows all of its jobs, those that come later too", async (t) => {
  const world = await startWorld(t);
  const root = await family(world, 3);
  const watcher = watch(world, { rootId: root.id });
  await watcher.once(() => new Set(watcher.events.map((event) => event.id)).size === 4);
  const at = await world.worker();
  const [first] = await at.deliveries(1);
  const declarations = [{ role: JobRole.CHILD, key: "more", job: chore("more") }];
  at.result({ leaseId: first?.leaseId ?? "", outcome: { case: "success", value: { declarations } } });
  await watcher.until((event) => event.job?.key === "more");
  for (const delivery of await at.deliveries(4)) at.result({ leaseId: delivery.leaseId, outcome: success });
  const completed = new Set<string>();
  while (completed.size < 5) completed.add((await watcher.until(isIn(JobState.COMPLETED))).at(-1)?.id ?? "");
  await watcher.once(() => watcher.token !== "");
});

test("watch / a watcher that falls behind a large chain catches up at its own pace, and misses nothing", async (t) => {
  const { store, advance } = await clockedStore(t);
  const world = await startWorld(t, { store, intervals: { bookmarkMs: 20 } });
  const root = await family(world, 6_000);
  advance(60_000);
  const watcher = openWatcher(smallClient(t, world), { rootId: root.id });
  await watcher.once(() => watcher.token !== "");
  watcher.stream.pause();
  await callUnary(world.client, JobService.method.cancelJob, { id: root.id });
  await world.call.waitJob(root.id);
  // Whoever watches beside it has seen all, so the broker has looked at all.
  await allCancelled(watch(world, { rootId: root.id }), 6_001);
  watcher.stream.resume();
  await allCancelled(watcher, 6_001);
});

/** A store in memory whose clock the test moves. */
async function clockedStore(t: TestContext) {
  let ahead = 0;
  const store = await openMemoryStore({ defaults: serverDefaults, clock: () => Date.now() + ahead });
  t.after(() => store.close());
  return {
    store,
    advance(ms: number) {
      ahead += ms;
    },
  };
}

/** A client whose connection takes little that it has not read. */
function smallClient(t: TestContext, world: World): grpc.Client {
  const client = new grpc.Client(world.broker.address, grpc.credentials.createInsecure(), {
    "grpc-node.flow_control_window": 65_535,
  });
  t.after(() => client.close());
  return client;
}

async function allCancelled(watcher: ScriptedWatcher, count: number): Promise<void> {
  const seen = new Set<string>();
  await watcher.once(() => {
    for (const event of watcher.events.splice(0)) if (isIn(JobState.CANCELLED)(event)) seen.add(event.id);
    return seen.size === count;
  });
}

test("watch / who goes on with a token gets what has changed since, and no more", async (t) => {
  const { store, advance } = await clockedStore(t);
  const world = await startWorld(t, { store, intervals: { bookmarkMs: 20 } });
  const quiet = await world.call.enqueueChore();
  const busy = await world.call.enqueueChore();
  const root = await family(world, 2);
  advance(60_000);
  const ids = [quiet.id, busy.id];
  const jobs = watch(world, { ids });
  const chain = watch(world, { rootId: root.id });
  await jobs.once(() => jobs.token !== "" && jobs.events.length === 2);
  await chain.once(() => chain.token !== "" && chain.events.length === 3);
  for (const watcher of [jobs, chain]) watcher.stream.close(new Error("the connection broke"));
  advance(1_000);
  for (const id of [busy.id, root.id]) await callUnary(world.client, JobService.method.cancelJob, { id });
  const again = watch(world, { ids, resumeToken: jobs.token });
  const changed = await again.until(isIn(JobState.CANCELLED));
  assert.deepEqual(
    [...changed, ...again.events].map((event) => event.id),
    [busy.id],
  );
  const chainAgain = watch(world, { rootId: root.id, resumeToken: chain.token });
  const seen = new Set<string>();
  while (seen.size < 3) seen.add((await chainAgain.until(isIn(JobState.CANCELLED))).at(-1)?.id ?? "");
  const refused = async (request: Parameters<typeof openWatcher>[1]) => (await watch(world, request).ended)?.code;
  assert.equal(await refused({ ids: [busy.id], resumeToken: jobs.token }), "BAD_TOKEN");
  assert.equal(await refused({ rootId: root.id, resumeToken: jobs.token }), "BAD_TOKEN");
  advance(2 * 3_600_000);
  assert.equal(await refused({ ids, resumeToken: jobs.token }), "RESUME_TOKEN_EXPIRED");
});

test("watch / bookmarks keep the place while nothing changes", async (t) => {
  const world = await startWorld(t, { intervals: { bookmarkMs: 20 } });
  const job = await world.call.enqueueChore();
  const watcher = watch(world, { ids: [job.id] });
  await watcher.once(() => watcher.bookmarks >= 3);
  assert.equal(watcher.events.length, 1);
});

test("watch / a watcher that takes nothing is dropped with a place to go on at, and blocks nobody (71)", async (t) => {
  const dropped = deferred<void>();
  const logger = createLogger({ level: "warn", write: (line) => line.includes("slow watcher") && dropped.resolve() });
  const world = await startWorld(t, { logger, intervals: { slowWatcherMs: 2_000, bookmarkMs: 20 } });
  const root = await family(world, 3_000);
  const slow = openWatcher(smallClient(t, world), { rootId: root.id });
  const other = watch(world, { rootId: root.id });
  for (const watcher of [slow, other]) {
    await watcher.once(() => watcher.token !== "" && new Set(watcher.events.map(({ id }) => id)).size === 3_001);
  }
  slow.stream.pause();
  await callUnary(world.client, JobService.method.cancelJob, { id: root.id });
  await allCancelled(other, 3_001);
  await dropped.promise;
  slow.stream.resume();
  const error = await slow.ended;
  assert.equal(error?.code, "SLOW_WATCHER");
  const resumeToken = error?.details.metadata?.resume_token ?? "";
  assert.notEqual(resumeToken, "");
  await allCancelled(watch(world, { rootId: root.id, resumeToken }), 3_001);
});

test("watch / what cannot be watched is refused", async (t) => {
  const world = await startWorld(t, {
    authorize: ({ method, queue }) => !method.endsWith("WatchJobs") || queue !== "secret",
  });
  const child = await family(world, 1);
  const secret = await world.call.enqueueChore("", { queue: "secret" });
  const code = async (request: Parameters<typeof openWatcher>[1]) => (await watch(world, request).ended)?.code;
  assert.equal(await code({}), "INVALID_OPTION");
  assert.equal(await code({ ids: ["a"], rootId: "b" }), "INVALID_OPTION");
  assert.equal(await code({ ids: Array.from({ length: 1_001 }, (_, index) => `${index}`) }), "INVALID_OPTION");
  assert.equal(await code({ ids: [""] }), "INVALID_NAME");
  assert.equal(await code({ rootId: "nope" }), "JOB_NOT_FOUND");
  assert.equal(await code({ ids: [child.id], resumeToken: "garbage" }), "BAD_TOKEN");
  assert.equal(await code({ ids: [secret.id] }), "ROLE_MISSING");
  assert.equal(await code({ rootId: secret.id }), "ROLE_MISSING");
  const { jobs } = await callUnary(world.client, JobService.method.listJobs, { parentId: child.id });
  const below = await watch(world, { rootId: jobs[0]?.id ?? "" }).ended;
  assert.deepEqual([below?.code, below?.message.includes(child.id)], ["INVALID_OPTION", true]);
});

test("watch / a broker that stops ends watches with DRAINING, and so do callers whose credentials end", async (t: TestContext) => {
  let known = true;
  const world = await startWorld(t, {
    authenticate() {
      if (known) return "ada";
      throw Object.assign(new Error("no"), {});
    },
  });
  const job = await world.call.enqueueChore();
  const first = watch(world, { ids: [job.id] });
  await first.until(isIn(JobState.READY));
  known = false;
  world.broker.recheckCallers();
  assert.equal((await first.ended)?.code, "CREDENTIALS_INVALID");
  known = true;
  const second = watch(world, { ids: [job.id] });
  await second.until(isIn(JobState.READY));
  await world.broker.stop();
  const ended: ConveyorError | undefined = await second.ended;
  assert.equal(ended?.code, "DRAINING");
});
