import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import { AttemptOutcome, JobRole, JobState, JobView } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService, WaitUntil } from "../../gen/conveyor/v1/job_service_pb.ts";
import { Health, HealthCheckResponse_ServingStatus } from "../../gen/grpc/health/v1/health_pb.ts";
import { ChoreSchema, EmailSentSchema, SendEmailSchema, ThumbnailSchema } from "../../gen/shop/v1/shop_pb.ts";
import type { AccessRequest } from "../../src/broker/index.ts";
import type { ConveyorError, ErrorCode } from "../../src/core/errors.ts";
import { fromServiceError } from "../../src/wire/error-status.ts";
import { sameBytes, toBuffer } from "../../src/wire/service-definition.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { shopRegistry } from "./shop-registry.ts";
import { chore, pack, startWorld } from "./world.ts";

const success = { case: "success" as const, value: {} };
const code = (wanted: ErrorCode) => (error: ConveyorError) => {
  assert.equal(error.code, wanted, error.message);
  return true;
};

test("services / what is not there is NOT_FOUND by its name", async (t) => {
  const { call, client } = await startWorld(t);
  await assert.rejects(
    call.getJob("nope"),
    (error: ConveyorError) => error.code === "JOB_NOT_FOUND" && error.details.resource?.name === "nope",
  );
  await assert.rejects(call.waitJob("nope"), code("JOB_NOT_FOUND"));
  await assert.rejects(callUnary(client, JobService.method.getChain, { id: "nope" }), code("JOB_NOT_FOUND"));
  await assert.rejects(call.getQueue("nope"), code("QUEUE_NOT_FOUND"));
  await assert.rejects(call.listChildResults({ leaseId: "nope" }), code("LEASE_LOST"));
  await assert.rejects(call.getJob(""), code("INVALID_NAME"));
});

test("services / lists are paged by tokens that go with their filter only", async (t) => {
  const { call, client } = await startWorld(t);
  await call.enqueueChores(5);
  const list = (request: MessageInitShape<typeof JobService.method.listJobs.input>) =>
    callUnary(client, JobService.method.listJobs, request);
  const first = await list({ queue: "default", pageSize: 2 });
  assert.equal(first.jobs.length, 2);
  const rest = await list({ queue: "default", pageSize: 10, pageToken: first.nextPageToken });
  assert.equal(rest.jobs.length, 3);
  assert.equal(rest.nextPageToken, "");
  assert.equal(new Set([...first.jobs, ...rest.jobs].map(({ id }) => id)).size, 5);
  await assert.rejects(list({ pageToken: first.nextPageToken }), code("BAD_TOKEN"));
  await assert.rejects(list({ queue: "default", pageToken: "garbage" }), code("BAD_TOKEN"));
  await assert.rejects(list({ pageSize: 1_001 }), code("INVALID_OPTION"));
  const full = await list({ view: JobView.FULL, pageSize: 2 });
  assert.equal(
    full.jobs.every((job) => job.payload !== undefined),
    true,
  );
  const next = await list({ view: JobView.FULL, pageToken: full.nextPageToken });
  assert.equal(next.jobs.length, 3);
});

test("services / a full list ends its page before it outgrows an answer", async (t) => {
  const { call, client } = await startWorld(t);
  const ballast = new Uint8Array(900 * 1024);
  for (let count = 0; count < 6; count += 1) {
    await call.enqueue({ case: "job", value: { content: { case: "payload", value: pack(ChoreSchema, { ballast }) } } });
  }
  const seen = new Set<string>();
  let pageToken = "";
  do {
    const page = await callUnary(client, JobService.method.listJobs, { view: JobView.FULL, pageToken });
    for (const { id } of page.jobs) seen.add(id);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.equal(seen.size, 6);
});

test("services / a wait answers when the job has got there, and with its state when the time is over", async (t) => {
  const { call, worker } = await startWorld(t, { intervals: { pollMs: 600_000 } });
  const root = await call.enqueueChore("root");
  const early = await call.waitJob(root.id, { seconds: 0 });
  assert.deepEqual({ reached: early.reached, state: early.job?.state }, { reached: false, state: JobState.READY });
  const at = await worker();
  const ran = call.waitJob(root.id, { until: WaitUntil.RAN });
  const ended = call.waitJob(root.id);
  const began = performance.now();
  const [parent] = await at.deliveries(1);
  const declarations = [{ role: JobRole.CHILD, job: chore("child") }];
  at.result({ leaseId: parent?.leaseId ?? "", outcome: { case: "success", value: { declarations } } });
  assert.equal((await ran).job?.state, JobState.AWAITING_CHILDREN);
  const [child] = await at.deliveries(1);
  assert.equal(child?.parentId, root.id);
  at.result({ leaseId: child?.leaseId ?? "", outcome: success });
  const done = await ended;
  assert.deepEqual({ reached: done.reached, state: done.job?.state }, { reached: true, state: JobState.COMPLETED });
  assert.equal(performance.now() - began < 4_000, true, "woken, not found when the job was read again");
});

test("services / a wait answers before the caller's deadline", async (t) => {
  const { call, client } = await startWorld(t);
  const job = await call.enqueueChore();
  const answer = await callUnary(
    client,
    JobService.method.waitJob,
    { id: job.id, timeout: { seconds: 60n } },
    { timeoutMs: 900 },
  );
  assert.equal(answer.reached, false);
});

test("services / a chain is shown with its totals", async (t) => {
  const { call, client } = await startWorld(t);
  const child = () => ({ parentIndex: 0, node: { role: JobRole.CHILD, job: chore() } });
  const root = await call.enqueue({
    case: "tree",
    value: { nodes: [{ node: { job: chore() } }, child(), child(), child()] },
  });
  const chain = await callUnary(client, JobService.method.getChain, { id: root.id });
  assert.equal(chain.rootId, root.id);
  assert.deepEqual(
    chain.nodes.map(({ count, state }) => ({ count, state })),
    [
      { count: 1, state: JobState.READY },
      { count: 3, state: JobState.HELD },
    ],
  );
  assert.equal(
    chain.totals.reduce((sum, { count }) => sum + Number(count), 0),
    4,
  );
});

test("services / a result of another type than declared is a failed attempt, and the ack says so", async (t) => {
  const { call, worker } = await startWorld(t, { schema: shopRegistry() });
  const at = await worker({ subscriptions: [{ queue: "mail", types: [SendEmailSchema.typeName] }] });
  const job = await call.enqueue({
    case: "job",
    value: { content: { case: "payload", value: pack(SendEmailSchema, { to: "a@b.c" }) }, maxAttempts: 1 },
  });
  const [delivery] = await at.deliveries(1);
  const result = pack(ThumbnailSchema, { path: "x" });
  at.result({ leaseId: delivery?.leaseId ?? "", outcome: { case: "success", value: { result } } });
  const [ack] = await at.acks(1);
  assert.equal(ack?.recorded, AttemptOutcome.FAILED);
  assert.match(ack?.error?.message ?? "", /RESULT_TYPE_MISMATCH/);
  const dead = await call.getJob(job.id);
  assert.equal(dead.attempts[0]?.error?.name, "RESULT_TYPE_MISMATCH");
  assert.match(dead.attempts[0]?.error?.message ?? "", new RegExp(EmailSentSchema.typeName));
});

test("services / health knows each service by name", async (t) => {
  const { client } = await startWorld(t);
  for (const service of ["", "conveyor.v1.JobService", "conveyor.v1.WorkerService", "conveyor.v1.QueueService"]) {
    const { status } = await callUnary(client, Health.method.check, { service });
    assert.equal(status, HealthCheckResponse_ServingStatus.SERVING);
  }
});

test("services / a method that is not there is UNIMPLEMENTED, garbage is FRAME_INVALID", async (t) => {
  const { client } = await startWorld(t);
  const call = (path: string, bytes: Uint8Array) =>
    new Promise<ConveyorError>((resolve, reject) => {
      client.makeUnaryRequest(path, toBuffer, sameBytes, bytes, new Metadata(), {}, (error) =>
        error ? resolve(fromServiceError(error)) : reject(new Error("it worked")),
      );
    });
  assert.equal((await call("/conveyor.v1.JobService/Nope", new Uint8Array())).code, "METHOD_UNKNOWN");
  assert.equal((await call("/conveyor.v1.JobService/GetJob", new Uint8Array([0xff, 0xff]))).code, "FRAME_INVALID");
});

test("services / every call, and each child inside a result, passes the authorisation hook", async (t) => {
  const asked: AccessRequest[] = [];
  const { client, call, worker } = await startWorld(t, {
    authenticate: ({ metadata }) => String(metadata.get("user")[0] ?? "guest"),
    authorize(request) {
      asked.push(request);
      return request.queue !== "secret" || request.principal === "root";
    },
  });
  await assert.rejects(call.enqueueChore("", { queue: "secret" }), code("ROLE_MISSING"));
  const metadata = new Metadata();
  metadata.set("user", "root");
  const item = { case: "job" as const, value: chore("", { queue: "secret", id: "hidden" }) };
  const { job } = await callUnary(client, JobService.method.enqueue, { item }, { metadata });
  assert.equal(job?.principal, "root");
  await assert.rejects(call.getJob("hidden"), code("ROLE_MISSING"));
  const at = await worker();
  const open = await call.enqueueChore("", { maxAttempts: 1 });
  const [delivery] = await at.deliveries(1);
  const declarations = [{ role: JobRole.CHILD, job: chore("", { queue: "secret" }) }];
  at.result({ leaseId: delivery?.leaseId ?? "", outcome: { case: "success", value: { declarations } } });
  assert.match((await at.acks(1))[0]?.error?.message ?? "", /ROLE_MISSING/);
  assert.equal((await call.getJob(open.id)).state, JobState.DEAD);
  assert.deepEqual(
    new Set(asked.map(({ method }) => method)),
    new Set(["/conveyor.v1.JobService/Enqueue", "/conveyor.v1.JobService/GetJob", "/conveyor.v1.WorkerService/Work"]),
  );
});

test("services / a queue's settings are set by mask, and a bad mask is refused", async (t) => {
  const { call } = await startWorld(t);
  await call.updateQueue({ name: "q", settings: { maxAttempts: 2, crashLimit: 7, timeout: { seconds: 9n } } });
  const { queue } = await call.updateQueue({ name: "q", settings: {}, updateMask: { paths: ["crash_limit"] } });
  assert.deepEqual(
    {
      attempts: queue?.settings?.maxAttempts,
      crashes: queue?.settings?.crashLimit,
      seconds: queue?.settings?.timeout?.seconds,
    },
    { attempts: 2, crashes: undefined, seconds: 9n },
  );
  await assert.rejects(
    call.updateQueue({ name: "q", settings: {}, updateMask: { paths: ["nope"] } }),
    code("INVALID_OPTION"),
  );
  await assert.rejects(call.updateQueue({ name: "Q", settings: { paused: true } }), code("INVALID_NAME"));
});
