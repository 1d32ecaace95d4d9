import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { JobRole, JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { type JobFilterSchema, JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import type { ConveyorError, ErrorCode } from "../../src/core/errors.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import { fromRpcStatus } from "../../src/wire/error-status.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { chore, startWorld, type World } from "./world.ts";

type Verb = "cancel" | "retry" | "remove";
interface Request {
  readonly filter?: MessageInitShape<typeof JobFilterSchema>;
  readonly validateOnly?: boolean;
  readonly pageSize?: number;
  readonly pageToken?: string;
}

const code = (wanted: ErrorCode) => (error: ConveyorError) => error.code === wanted;
const discard = { case: "discard" as const, value: { error: { name: "Bad", message: "no" } } };

async function bulkWorld(t: TestContext, options: Parameters<typeof startWorld>[1] = {}) {
  const world = await startWorld(t, options);
  const { client } = world;
  const pages = {
    cancel: (request: Request) => callUnary(client, JobService.method.cancelJobs, request),
    retry: (request: Request) => callUnary(client, JobService.method.retryJobs, request),
    remove: (request: Request) => callUnary(client, JobService.method.deleteJobs, request),
  };
  const page = (verb: Verb, request: Request) => pages[verb](request);
  /** Goes on to the last page, and adds up. */
  const all = async (verb: Verb, request: Request) => {
    const sum = { matched: 0, changed: 0, failed: 0, pages: 0 };
    for (let pageToken = ""; ; ) {
      const answer = await page(verb, { ...request, pageToken });
      sum.matched += answer.matched;
      sum.changed += answer.changed;
      sum.failed += answer.failures.length;
      sum.pages += 1;
      pageToken = answer.nextPageToken;
      if (pageToken === "") return sum;
    }
  };
  return { ...world, page, all };
}

/** Jobs that a worker has discarded. */
async function deadJobs(world: World, count: number): Promise<void> {
  await world.call.enqueueChores(count);
  const at = await world.worker();
  for (let done = 0; done < count; ) {
    const deliveries = await at.deliveries(1);
    for (const { leaseId } of deliveries) at.result({ leaseId, outcome: discard });
    await at.acks(deliveries.length);
    done += deliveries.length;
  }
  at.capacity(0);
  await at.next("capacityApplied");
}

const states = async ({ store }: World) => {
  const counts = new Map<string, number>();
  for (const { state } of (await store.dump()).jobs) counts.set(state, (counts.get(state) ?? 0) + 1);
  return Object.fromEntries(counts);
};

for (const verb of ["cancel", "retry", "remove"] as const) {
  test(`bulk ${verb} / a filter in which nothing is set is refused, and so is another call's page token`, async (t) => {
    const { page, call, store } = await bulkWorld(t);
    await call.enqueueChores(2);
    for (const request of [{}, { filter: {} }, { filter: { includeChainFailed: true } }]) {
      await assert.rejects(page(verb, request), code("INVALID_OPTION"));
    }
    await assert.rejects(page(verb, { filter: { queue: "default" }, pageSize: 1_001 }), code("INVALID_OPTION"));
    await assert.rejects(page(verb, { filter: { queue: "default" }, pageToken: "garbage" }), code("BAD_TOKEN"));
    assert.deepEqual(await states({ store } as World), { READY: 2 });
  });
}

test("bulk / a dry run counts what matches, page by page, and changes nothing; the run changes as many", async (t) => {
  const world = await bulkWorld(t);
  await world.call.enqueueChores(7);
  await world.call.enqueueChores(3, { queue: "other" });
  const request = { filter: { queue: "default" }, pageSize: 3 };
  const dry = await world.all("cancel", { ...request, validateOnly: true });
  assert.deepEqual({ ...dry, pages: undefined }, { matched: 7, changed: 0, failed: 0, pages: undefined });
  assert.deepEqual(await states(world), { READY: 10 });
  const run = await world.all("cancel", request);
  assert.deepEqual([run.matched, run.changed, run.failed], [7, 7, 0]);
  assert.deepEqual(await states(world), { CANCELLED: 7, READY: 3 });
  assert.equal((await world.all("cancel", request)).matched, 0, "what has ended is left out");
});

test("bulk retry / dead jobs of one error run again, jobs of other errors stay (69)", async (t) => {
  const world = await bulkWorld(t);
  await deadJobs(world, 5);
  const { jobs } = await world.store.dump();
  const errorFingerprint = jobs[0]?.errorFingerprint ?? "";
  assert.notEqual(errorFingerprint, "");
  assert.equal((await world.all("retry", { filter: { errorFingerprint: "other" } })).matched, 0);
  const run = await world.all("retry", { filter: { errorFingerprint }, pageSize: 2 });
  assert.deepEqual([run.matched, run.changed, run.failed], [5, 5, 0]);
  assert.deepEqual(await states(world), { READY: 5 });
});

test("bulk retry / says of each job that cannot run again why, and spares the others", async (t) => {
  const world = await bulkWorld(t);
  await deadJobs(world, 2);
  await world.call.enqueueChores(1, { queue: "default" });
  const filter = { queue: "default", states: [JobState.DEAD, JobState.READY, JobState.CANCELLED] };
  const [ready] = (await world.store.dump()).jobs.filter((job) => job.state === "READY");
  await callUnary(world.client, JobService.method.cancelJob, { id: ready?.id ?? "" });
  const answer = await world.page("retry", { filter });
  assert.deepEqual([answer.matched, answer.changed], [3, 2]);
  assert.deepEqual(
    answer.failures.map(({ id, error }) => [id, error && fromRpcStatus(error).code]),
    [[ready?.id, "JOB_NOT_RETRYABLE"]],
  );
});

test("bulk delete / while pages of chains are removed none is skipped, and chains that are open are left", async (t) => {
  const world = await bulkWorld(t);
  await deadJobs(world, 25);
  await world.call.enqueueChores(2);
  const tree = { nodes: [{ node: { job: chore() } }, { parentIndex: 0, node: { role: JobRole.CHILD, job: chore() } }] };
  const chain = await world.call.enqueue({ case: "tree", value: tree });
  await callUnary(world.client, JobService.method.cancelJob, { id: chain.id });
  await world.call.waitJob(chain.id);
  const request = { filter: { type: ChoreSchema.typeName }, pageSize: 4 };
  assert.equal((await world.all("remove", { ...request, validateOnly: true })).matched, 26, "roots alone");
  const run = await world.all("remove", request);
  assert.deepEqual([run.matched, run.changed, run.failed], [26, 26, 0]);
  assert.deepEqual(await states(world), { READY: 2 });
});

test("bulk / jobs that the caller may not touch are reported, and not touched", async (t) => {
  const { call, page, store } = await bulkWorld(t, {
    authorize: ({ method, queue }) => !method.endsWith("CancelJobs") || queue !== "secret",
  });
  await call.enqueueChores(2);
  await call.enqueueChores(1, { queue: "secret" });
  await assert.rejects(page("cancel", { filter: { queue: "secret" } }), code("ROLE_MISSING"));
  const answer = await page("cancel", { filter: { type: ChoreSchema.typeName } });
  assert.deepEqual([answer.matched, answer.changed], [3, 2]);
  assert.deepEqual(
    answer.failures.map(({ error }) => error && fromRpcStatus(error).code),
    ["ROLE_MISSING"],
  );
  assert.deepEqual(await states({ store } as World), { CANCELLED: 2, READY: 1 });
});

test("retention / chains go when their time is over, by the state of their root, and open ones stay (68)", async (t) => {
  let now = Date.now();
  const retention = { completedMs: 1_000, cancelledMs: 5_000, deadMs: 60_000 };
  const store = await openMemoryStore({ defaults: serverDefaults, retention, clock: () => now });
  t.after(() => store.close());
  const world = await bulkWorld(t, { store, intervals: { pruneMs: 20 } });
  await deadJobs(world, 2);
  await world.call.enqueueChores(2, { queue: "unwanted" });
  await world.all("cancel", { filter: { queue: "unwanted" } });
  await world.call.enqueueChores(1, { queue: "open" });
  const gone = async (id: string) => {
    while (await world.call.getJob(id).then(Boolean, () => false));
  };
  const { jobs } = await store.dump();
  now += 6_000;
  for (const { id } of jobs.filter((job) => job.state === "CANCELLED")) await gone(id);
  assert.deepEqual(await states(world), { DEAD: 2, READY: 1 });
  await world.call.updateQueue({
    name: "default",
    settings: { deadRetention: { seconds: 1n } },
    updateMask: { paths: ["dead_retention"] },
  });
  for (const { id } of jobs.filter((job) => job.state === "DEAD")) await gone(id);
  assert.deepEqual(await states(world), { READY: 1 });
});
