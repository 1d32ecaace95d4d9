import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, equals, fromBinary, type MessageShape, toBinary, toJson } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { JobProgressSchema, JobSchema } from "../../gen/conveyor/v1/job_pb.ts";
import { ChainNodeSchema } from "../../gen/conveyor/v1/job_service_pb.ts";
import { QueueSchema } from "../../gen/conveyor/v1/queue_service_pb.ts";
import { ChildResultSchema, DeliverySchema, ResultAckSchema } from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { JobDetail } from "../../src/core/job.ts";
import { type JobId, type LeaseId, parseJobId, parseQueueName, parseTypeName } from "../../src/core/names.ts";
import type { Lease, SettleAnswer } from "../../src/store/commit.ts";
import type { ChainNodeRecord, ChildResultRecord } from "../../src/store/query.ts";
import type { QueueRecord } from "../../src/store/queue.ts";
import { chainNodeToWire } from "../../src/wire/chain-node-to-wire.ts";
import { childResultToWire } from "../../src/wire/child-result-to-wire.ts";
import { fromRpcStatus } from "../../src/wire/error-status.ts";
import { jobToWire } from "../../src/wire/job-to-wire.ts";
import { leaseToDelivery } from "../../src/wire/lease-to-delivery.ts";
import { queueToWire } from "../../src/wire/queue-to-wire.ts";
import { settleAnswerToAck } from "../../src/wire/settle-answer-to-ack.ts";

const id = (text: string): JobId => parseJobId(text);
const bytes = (type: string, ...values: number[]) => ({ type: parseTypeName(type), bytes: new Uint8Array(values) });

/** A literal that lacks a field would differ from what comes back from its bytes. */
function complete<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): MessageShape<Desc> {
  const back = fromBinary(schema, toBinary(schema, message));
  assert.ok(equals(schema, back, message));
  const lacking = schema.members.map((each) => each.localName).filter((name) => !(name in message) && name in back);
  assert.deepEqual(lacking, []);
  return back;
}

const detail: JobDetail = {
  id: id("child-1"),
  type: parseTypeName("shop.v1.SendEmail"),
  queue: parseQueueName("mail"),
  state: "DEAD",
  hold: undefined,
  reason: "ATTEMPTS_EXHAUSTED",
  priority: -5,
  runAt: 1_700_000_000_001,
  createdAt: 1_700_000_000_000,
  updatedAt: 1_700_000_000_999,
  ranAt: 1_700_000_000_500,
  finishedAt: 1_700_000_000_999,
  version: 2 ** 40,
  epoch: 2,
  attempt: 7,
  failureCount: 5,
  crashCount: 1,
  snoozeCount: 3,
  releaseCount: 4,
  maxAttempts: 5,
  backoff: { kind: "LINEAR", initialMs: 1, maxMs: 60_000, multiplier: 2, jitter: 0.5 },
  timeoutMs: 1_500,
  rootId: id("root"),
  parentId: id("parent"),
  role: "CHILD",
  depth: 3,
  key: "k",
  policy: "IGNORE",
  trigger: "SUCCEEDED",
  asResult: false,
  pendingChildren: 0,
  pendingHeirs: 0,
  cancelRequested: false,
  schemaId: "ab12",
  payloadBytes: 3,
  principal: "ada",
  requestId: "r-1",
  errorFingerprint: "f00",
  payload: bytes("shop.v1.SendEmail", 1, 0, 255),
  result: bytes("shop.v1.EmailSent"),
  metadata: { trace: "1" },
  attempts: [
    {
      number: 7,
      outcome: undefined,
      sessionId: "s",
      worker: "w",
      claimedAt: 1_700_000_000_100,
      endedAt: undefined,
      error: { name: "E", message: "m", stack: "st" },
      epoch: 2,
    },
  ],
  attemptsOmitted: 12,
  progress: {
    attempt: 7,
    bytes: toBinary(JobProgressSchema, create(JobProgressSchema, { fraction: 0.5, message: "half", attempt: 99 })),
    at: 1_700_000_000_200,
  },
};

test("wire / a full job has every field that the store has", () => {
  const job = complete(JobSchema, jobToWire(detail, "FULL"));
  assert.deepEqual(job.payload?.value, new Uint8Array([1, 0, 255]));
  assert.equal(job.payload?.typeUrl, "type.googleapis.com/shop.v1.SendEmail");
  assert.deepEqual(toJson(JobSchema, { ...job, payload: undefined, result: undefined }), {
    id: "child-1",
    type: "shop.v1.SendEmail",
    queue: "mail",
    state: "JOB_STATE_DEAD",
    reason: "ATTEMPTS_EXHAUSTED",
    priority: -5,
    runTime: "2023-11-14T22:13:20.001Z",
    createTime: "2023-11-14T22:13:20Z",
    updateTime: "2023-11-14T22:13:20.999Z",
    runEndTime: "2023-11-14T22:13:20.500Z",
    finishTime: "2023-11-14T22:13:20.999Z",
    version: "1099511627776",
    epoch: 2,
    attempt: 7,
    failureCount: 5,
    crashCount: 1,
    snoozeCount: 3,
    releaseCount: 4,
    maxAttempts: 5,
    backoff: { kind: "BACKOFF_KIND_LINEAR", initial: "0.001s", max: "60s", multiplier: 2, jitter: 0.5 },
    timeout: "1.500s",
    rootId: "root",
    parentId: "parent",
    role: "JOB_ROLE_CHILD",
    depth: 3,
    key: "k",
    policy: "FAILURE_POLICY_IGNORE",
    trigger: "TRIGGER_SUCCEEDED",
    schemaId: "ab12",
    payloadBytes: "3",
    principal: "ada",
    requestId: "r-1",
    errorFingerprint: "f00",
    metadata: { trace: "1" },
    attempts: [
      {
        number: 7,
        sessionId: "s",
        worker: "w",
        claimTime: "2023-11-14T22:13:20.100Z",
        error: { name: "E", message: "m", stack: "st" },
        epoch: 2,
      },
    ],
    attemptsOmitted: 12,
    progress: { fraction: 0.5, message: "half", attempt: 7, updateTime: "2023-11-14T22:13:20.200Z" },
  });
});

test("wire / progress that does not decode is left out", () => {
  const garbled = { ...detail, progress: { attempt: 1, bytes: new Uint8Array([0xff]), at: 0 } };
  assert.equal(jobToWire(garbled, "FULL").progress, undefined);
});

test("wire / a basic job has no payload, result, metadata or attempts", () => {
  const job = complete(JobSchema, jobToWire(detail, "BASIC"));
  assert.deepEqual(
    [job.payload, job.result, job.metadata, job.attempts, job.progress],
    [undefined, undefined, {}, [], undefined],
  );
  assert.equal(job.id, "child-1");
});

test("wire / what a bare job lacks stays unset", () => {
  const bare: JobDetail = {
    ...detail,
    hold: "BARRIER",
    state: "HELD",
    reason: undefined,
    ranAt: undefined,
    finishedAt: undefined,
    maxAttempts: undefined,
    backoff: undefined,
    timeoutMs: undefined,
    parentId: undefined,
    requestId: undefined,
    errorFingerprint: undefined,
    result: undefined,
    progress: undefined,
  };
  const job = complete(JobSchema, jobToWire(bare, "FULL"));
  for (const field of [
    "runEndTime",
    "finishTime",
    "maxAttempts",
    "backoff",
    "timeout",
    "result",
    "progress",
  ] as const) {
    assert.equal(job[field], undefined, field);
  }
  assert.deepEqual([job.reason, job.parentId, job.requestId, job.holdReason], ["", "", "", 2]);
});

test("delivery / payload bytes are those that were enqueued: empty, zero, unknown fields (74)", () => {
  for (const payload of [bytes("a.B"), bytes("a.B", 0), bytes("a.B", 255, 255, 1)]) {
    const lease: Lease = {
      leaseId: "n-1" as LeaseId,
      jobId: id("j"),
      payload,
      queue: parseQueueName("q"),
      attempt: 2,
      timeoutMs: 1_500,
      maxAttempts: 5,
      failureCount: 1,
      priority: 2 ** 31 - 1,
      rootId: id("r"),
      parentId: id("p"),
      role: "HEIR",
      depth: 4,
      key: "k",
      metadata: { a: "b" },
      createdAt: 1_700_000_000_001,
    };
    const delivery = complete(DeliverySchema, leaseToDelivery(lease));
    assert.deepEqual(delivery.payload, create(AnySchema, { typeUrl: "type.googleapis.com/a.B", value: payload.bytes }));
    assert.deepEqual(toJson(DeliverySchema, { ...delivery, payload: undefined }), {
      leaseId: "n-1",
      jobId: "j",
      queue: "q",
      attempt: 2,
      timeout: "1.500s",
      rootId: "r",
      parentId: "p",
      role: "JOB_ROLE_HEIR",
      priority: 2_147_483_647,
      metadata: { a: "b" },
      createTime: "2023-11-14T22:13:20.001Z",
      maxAttempts: 5,
      failureCount: 1,
      depth: 4,
      key: "k",
    });
    assert.equal(complete(DeliverySchema, leaseToDelivery({ ...lease, parentId: undefined })).parentId, "");
  }
});

test("ack / each answer of a store says what became of the result", () => {
  const ack = (answer: SettleAnswer) => {
    const { state, recorded, error, leaseId } = complete(ResultAckSchema, settleAnswerToAck("n-1", answer));
    assert.equal(leaseId, "n-1");
    return [state, recorded, error && fromRpcStatus(error).code];
  };
  const accepted = { kind: "accepted", jobId: id("j"), recorded: "SUCCEEDED", state: "COMPLETED" } as const;
  assert.deepEqual(ack({ ...accepted, problem: undefined }), [7, 1, undefined]);
  assert.deepEqual(ack({ ...accepted, kind: "repeated", problem: undefined }), [7, 1, undefined]);
  const refused = { ...accepted, recorded: "FAILED", state: "RETRYING", problem: "TOO_MANY_HEIRS" } as const;
  assert.deepEqual(ack(refused), [4, 2, "TOO_MANY_HEIRS"]);
  assert.deepEqual(ack({ kind: "conflict", jobId: id("j"), recorded: "FAILED" }), [0, 2, "RESULT_CONFLICT"]);
  assert.deepEqual(ack({ kind: "lost" }), [0, 0, "LEASE_LOST"]);
});

test("wire / a child with its result or its error", () => {
  const child: ChildResultRecord = {
    jobId: id("c"),
    type: parseTypeName("a.B"),
    key: "k",
    state: "COMPLETED",
    reason: undefined,
    result: bytes("a.C", 1),
    error: undefined,
  };
  const good = complete(ChildResultSchema, childResultToWire(child));
  assert.deepEqual([good.jobId, good.state, good.result?.value], ["c", 7, new Uint8Array([1])]);
  const error = { name: "E", message: "m", stack: "" };
  const dead = childResultToWire({ ...child, state: "DEAD", reason: "DISCARDED", result: undefined, error });
  assert.deepEqual(
    [complete(ChildResultSchema, dead).reason, dead.result, dead.error?.message],
    ["DISCARDED", undefined, "m"],
  );
});

test("wire / a node of a chain", () => {
  const node: ChainNodeRecord = {
    id: id("n"),
    parentId: id("p"),
    count: 1_000,
    type: parseTypeName("a.B"),
    state: "CANCELLED",
    role: "HEIR",
    trigger: "ANY_FAILED",
    reason: "TRIGGER_NOT_MET",
    key: "k",
    depth: 2,
    pendingChildren: 1,
    pendingHeirs: 2,
  };
  const wire = complete(ChainNodeSchema, chainNodeToWire(node));
  assert.deepEqual(toJson(ChainNodeSchema, wire), {
    id: "n",
    parentId: "p",
    count: 1_000,
    type: "a.B",
    state: "JOB_STATE_CANCELLED",
    role: "JOB_ROLE_HEIR",
    trigger: "TRIGGER_ANY_FAILED",
    reason: "TRIGGER_NOT_MET",
    key: "k",
    depth: 2,
    pendingChildren: 1,
    pendingHeirs: 2,
  });
});

test("wire / a queue with its settings, and counts summed over its lanes", () => {
  const queue: QueueRecord = {
    name: parseQueueName("mail"),
    settings: {
      paused: true,
      maxConcurrency: 3,
      maxAttempts: undefined,
      backoff: { kind: "FIXED", initialMs: 10, maxMs: 10, multiplier: 1, jitter: 0 },
      timeoutMs: 5_000,
      crashLimit: undefined,
      completedRetentionMs: 0,
      cancelledRetentionMs: undefined,
      deadRetentionMs: 86_400_000,
    },
    lanes: [
      { type: parseTypeName("a.B"), counts: { READY: 2, DEAD: 0 } },
      { type: parseTypeName("a.C"), counts: { READY: 3, RUNNING: 1 } },
    ],
    oldestWaitMs: 1_500,
  };
  const wire = complete(
    QueueSchema,
    queueToWire(queue, (type) => (type === "a.C" ? 2 : 0)),
  );
  assert.deepEqual(toJson(QueueSchema, wire), {
    name: "mail",
    settings: {
      paused: true,
      maxConcurrency: 3,
      backoff: { kind: "BACKOFF_KIND_FIXED", initial: "0.010s", max: "0.010s", multiplier: 1, jitter: 0 },
      timeout: "5s",
      completedRetention: "0s",
      deadRetention: "86400s",
    },
    counts: [
      { state: "JOB_STATE_READY", count: "5" },
      { state: "JOB_STATE_RUNNING", count: "1" },
    ],
    oldestWait: "1.500s",
    lanes: [
      { type: "a.B", counts: [{ state: "JOB_STATE_READY", count: "2" }] },
      {
        type: "a.C",
        counts: [
          { state: "JOB_STATE_READY", count: "3" },
          { state: "JOB_STATE_RUNNING", count: "1" },
        ],
        workerCount: 2,
      },
    ],
  });
});
