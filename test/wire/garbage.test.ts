import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { AnySchema, DurationSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { DeclarationSchema, JobErrorSchema, type TreeNodeSchema } from "../../gen/conveyor/v1/job_pb.ts";
import {
  EnqueueBatchRequestSchema,
  EnqueueRequestSchema,
  ListJobsRequestSchema,
} from "../../gen/conveyor/v1/job_service_pb.ts";
import { UpdateQueueRequestSchema } from "../../gen/conveyor/v1/queue_service_pb.ts";
import {
  ListChildResultsRequestSchema,
  type Result,
  type ResultSchema,
  ResultsSchema,
  WorkRequestSchema,
} from "../../gen/conveyor/v1/worker_service_pb.ts";
import { isConveyorError } from "../../src/core/errors.ts";
import { parseTypeName } from "../../src/core/names.ts";
import { helloToDomain } from "../../src/wire/hello.ts";
import { childResultsQueryFromWire, jobFilterFromWire } from "../../src/wire/list-filters.ts";
import { decodeMessage } from "../../src/wire/message-bytes.ts";
import { treeToDomain } from "../../src/wire/nodes.ts";
import { queueChangeFromWire } from "../../src/wire/queue-change.ts";
import { resultToOutcome } from "../../src/wire/result-to-outcome.ts";
import { specToJob } from "../../src/wire/spec-to-job.ts";
import { heartbeatFromWire, windowFromWire } from "../../src/wire/window.ts";
import { specOf, specSource } from "./spec-source.ts";

interface Input<Desc extends DescMessage> {
  readonly schema: Desc;
  readonly sample: MessageInitShape<Desc>;
  readonly read: (message: MessageShape<Desc>) => unknown;
}

/** Reads random bytes, and a good message with random damage: all that may come of it is a reading or a ConveyorError. */
function survives<Desc extends DescMessage>({ schema, sample, read }: Input<Desc>): void {
  const good = toBinary(schema, create(schema, sample));
  const damage = fc.array(fc.tuple(fc.nat(Math.max(0, good.byteLength - 1)), fc.nat(255)), { maxLength: 6 });
  const damaged = fc.tuple(damage, fc.nat(good.byteLength)).map(([changes, cut]) => {
    const bytes = Uint8Array.from(good);
    for (const [at, value] of changes) bytes[at] = value;
    return cut % 3 === 0 ? bytes.subarray(0, cut) : bytes;
  });
  let readings = 0;
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), { arbitrary: damaged, weight: 3 }), (bytes) => {
      try {
        read(decodeMessage(schema, bytes, "a message"));
        readings += 1;
      } catch (error) {
        assert.ok(isConveyorError(error), error instanceof Error ? error.stack : String(error));
        assert.ok(Buffer.byteLength(error.message) < 4_000, "an error's text is bounded");
      }
    }),
    { numRuns: 1_500 },
  );
  assert.ok(readings > 20, `${schema.typeName}: the damage leaves ${readings} readings`);
}

const source = specSource({ path: "x" });
const job = specOf("shop.v1.Chore", {
  id: "id",
  requestId: "r",
  queue: "q",
  priority: 3,
  maxAttempts: 4,
  start: { case: "delay", value: { seconds: 3n, nanos: 5 } },
  backoff: { kind: 2, initial: { seconds: 1n }, max: { seconds: 2n }, multiplier: 2, jitter: 0.5 },
  timeout: { seconds: 9n },
  metadata: { a: "b" },
  typeDefaults: { queue: "t", result: "a.B" },
});
const below = specOf("shop.v1.Chore", { metadata: { a: "b" } });

test("garbage / jobs and trees", () => {
  const nodes: MessageInitShape<typeof TreeNodeSchema>[] = [
    { node: { job } },
    { parentIndex: 0, node: { role: 2, key: "k", job: below } },
  ];
  survives({
    schema: EnqueueRequestSchema,
    sample: { item: { case: "job", value: job } },
    read: ({ item }) => item.case === "job" && specToJob(item.value, source),
  });
  survives({
    schema: EnqueueBatchRequestSchema,
    sample: { items: [{ item: { case: "tree", value: { nodes } } }] },
    read: ({ items }) =>
      items.map(({ item }) => item.case === "tree" && treeToDomain(item.value, { ...source, path: "tree" })),
  });
});

test("garbage / results of a worker", () => {
  const declaration: MessageInitShape<typeof DeclarationSchema> = {
    role: 3,
    key: "k",
    policy: 1,
    trigger: 2,
    asResult: true,
    job: below,
  };
  const result = create(AnySchema, { typeUrl: "x/a.B", value: new Uint8Array(3) });
  const error = create(JobErrorSchema, { name: "E", message: "m", stack: "s" });
  const second = create(DurationSchema, { seconds: 1n });
  const declarations = [create(DeclarationSchema, declaration)];
  const results: MessageInitShape<typeof ResultSchema>[] = [
    { leaseId: "a-1", outcome: { case: "success", value: { result, declarations } } },
    { leaseId: "a-2", outcome: { case: "failure", value: { error, retryAfter: second } } },
    { leaseId: "a-3", outcome: { case: "snooze", value: { delay: second } } },
  ];
  survives({ schema: ResultsSchema, sample: { results }, read: (read) => read.results.map(readResult) });
});

function readResult(result: Result) {
  return resultToOutcome(result, parseTypeName("shop.v1.Chore"), source);
}

test("garbage / frames of a worker", () => {
  const hello = {
    protocolVersion: 1,
    worker: "w",
    instanceId: "i",
    concurrency: 1,
    subscriptions: [{ queue: "q", types: ["a.B"], maxInFlight: 3 }],
    resume: { sessionId: "s", held: [{ leaseId: "l", elapsed: { seconds: 1n } }] },
    capacity: { seq: 1n, maxInFlight: 2, maxBytes: 3n },
    schemaIds: { "a.B": "ab" },
  };
  const heartbeat = { seq: 1n, receivedThrough: 2n, heldLeaseIds: ["a", "b"], bufferedLeaseIds: ["a"] };
  for (const frame of [
    { case: "hello" as const, value: hello },
    { case: "heartbeat" as const, value: heartbeat },
  ]) {
    survives({
      schema: WorkRequestSchema,
      sample: { frame },
      read: ({ frame: { case: kind, value } }) => {
        if (kind === "hello") helloToDomain(value);
        if (kind === "heartbeat") heartbeatFromWire(value);
        if (kind === "capacity") windowFromWire(value);
      },
    });
  }
});

test("garbage / filters and queue settings", () => {
  survives({
    schema: ListJobsRequestSchema,
    sample: { rootId: "r", parentId: "p", queue: "q", type: "a.B", states: [1, 2, 8], pageSize: 3, pageToken: "t" },
    read: jobFilterFromWire,
  });
  survives({
    schema: ListChildResultsRequestSchema,
    sample: { leaseId: "l", type: "a.B", completedOnly: true },
    read: childResultsQueryFromWire,
  });
  survives({
    schema: UpdateQueueRequestSchema,
    sample: {
      name: "q",
      settings: { paused: true, maxConcurrency: 3, timeout: { seconds: 3n }, backoff: { jitter: 0.5 } },
      updateMask: { paths: ["paused", "timeout"] },
    },
    read: ({ settings, updateMask }) => queueChangeFromWire(settings, updateMask),
  });
});

test("garbage / bytes nested a thousand levels deep end as FRAME_INVALID, not as a full stack", () => {
  // Field 3 of WorkRequest's results, field 1, ... : each level wraps the one before as an unknown group or message.
  let bytes = new Uint8Array([0x0b]);
  for (let level = 0; level < 1_000; level += 1) bytes = Uint8Array.from([...bytes, 0x0b]);
  assert.throws(
    () => decodeMessage(WorkRequestSchema, bytes, "a frame"),
    (error) => isConveyorError(error) && error.code === "FRAME_INVALID",
  );
});
