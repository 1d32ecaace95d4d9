// Bad input over the wire gets its own reason, and a second connection runs jobs all the while.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { anyPack, type DurationSchema, durationFromMs, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { Client, credentials, Metadata } from "@grpc/grpc-js";
import { JobRole, type JobSpec, JsonPayloadSchema } from "../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { BackoffSchema } from "../../gen/conveyor/v1/options_pb.ts";
import { QueueService } from "../../gen/conveyor/v1/queue_service_pb.ts";
import {
  WorkerService,
  WorkRequestSchema,
  type WorkResponse,
  WorkResponseSchema,
} from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import { isConveyorError } from "../../src/core/errors.ts";
import { connect, createWorker } from "../../src/index.ts";
import { fromServiceError } from "../../src/wire/error-status.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { startWorld, type World } from "./world.ts";

type Spec = Omit<Partial<JobSpec>, "$typeName" | "timeout" | "backoff"> & {
  readonly timeout?: MessageInitShape<typeof DurationSchema>;
  readonly backoff?: MessageInitShape<typeof BackoffSchema>;
};

let world: World;
let client: Client;
let bystander: Bystander;

before(async () => {
  world = await startWorld();
  client = new Client(world.address, credentials.createInsecure(), { "grpc.max_send_message_length": -1 });
  bystander = startBystander(world.address);
});
after(async () => {
  client.close();
  await bystander.stop();
  await world[Symbol.asyncDispose]();
});

const payload = anyPack(ChoreSchema, create(ChoreSchema, { script: "x" }));
const job = (spec: Spec) => enqueue({ content: { case: "payload", value: payload }, ...spec });

const names: Cases = {
  "a queue in capitals": ["INVALID_NAME", () => job({ queue: "Mail" })],
  "a queue of 101 characters": ["INVALID_NAME", () => job({ queue: "q".repeat(101) })],
  "an id of 129 characters": ["INVALID_NAME", () => job({ id: "i".repeat(129) })],
  "an id with a line break": ["INVALID_NAME", () => job({ id: "a\nb" })],
  "a request id with a NUL": ["INVALID_NAME", () => job({ requestId: "a\0b" })],
  "a type that is no name": [
    "INVALID_NAME",
    () => job({ content: { case: "payload", value: any("type.googleapis.com/1 bad") } }),
  ],
  "no type at all": ["INVALID_NAME", () => job({ content: { case: "payload", value: any("") } })],
  "JSON of an unknown type": [
    "UNKNOWN_JOB_TYPE",
    () => job({ content: { case: "json", value: create(JsonPayloadSchema, { type: "no.such.Type", json: "{}" }) } }),
  ],
  "a job that is not there": ["JOB_NOT_FOUND", () => callUnary(client, JobService.method.getJob, { id: "nobody" })],
  "a queue that is not there": [
    "QUEUE_NOT_FOUND",
    () => callUnary(client, QueueService.method.getQueue, { name: "nowhere" }),
  ],
  "a page token of another filter": [
    "BAD_TOKEN",
    () => callUnary(client, JobService.method.listJobs, { pageToken: "AAAA" }),
  ],
};

const options: Cases = {
  "no attempts": ["INVALID_OPTION", () => job({ maxAttempts: 0 })],
  "10,001 attempts": ["INVALID_OPTION", () => job({ maxAttempts: 10_001 })],
  "a negative delay": ["INVALID_OPTION", () => job({ start: { case: "delay", value: durationFromMs(-1) } })],
  "a delay of a thousand years": [
    "INVALID_OPTION",
    () => job({ start: { case: "delay", value: durationFromMs(31_557_600_000_000) } }),
  ],
  "a time-out of nothing": ["INVALID_OPTION", () => job({ timeout: { seconds: 0n } })],
  "a back-off that shrinks": ["INVALID_OPTION", () => job({ backoff: { multiplier: 0.5 } })],
  "a jitter over 1": ["INVALID_OPTION", () => job({ backoff: { jitter: 1.5 } })],
  "a run time with two billion nanoseconds": [
    "INVALID_OPTION",
    () => job({ start: { case: "runTime", value: create(TimestampSchema, { seconds: 1n, nanos: 2_000_000_000 }) } }),
  ],
  "an update of an unknown setting": [
    "INVALID_OPTION",
    () =>
      callUnary(client, QueueService.method.updateQueue, {
        name: "q",
        settings: {},
        updateMask: { paths: ["colour"] },
      }),
  ],
  "no payload": ["PAYLOAD_INVALID", () => enqueue({})],
  "a child that chooses its id": ["INVALID_OPTION", () => tree([{ role: JobRole.CHILD, spec: { id: "mine" } }])],
  "two heirs with the same key": [
    "DUPLICATE_KEY",
    () =>
      tree([
        { role: JobRole.HEIR, key: "k" },
        { role: JobRole.HEIR, key: "k" },
      ]),
  ],
};

const sizes: Cases = {
  "a payload over 1 MiB": [
    "PAYLOAD_TOO_LARGE",
    () => job({ content: { case: "payload", value: any("type.googleapis.com/a.B", new Uint8Array(1_048_577)) } }),
  ],
  "a batch of 1,001": [
    "BATCH_TOO_LARGE",
    () => {
      const item = { item: { case: "job", value: { content: { case: "payload", value: payload } } } } as const;
      return callUnary(client, JobService.method.enqueueBatch, { items: Array.from({ length: 1_001 }, () => item) });
    },
  ],
  "a request over 4 MiB": [
    "BATCH_TOO_LARGE",
    () => raw("/conveyor.v1.JobService/EnqueueBatch", Buffer.alloc(5_000_000)),
  ],
  "a request over what the transport takes": [
    "PAYLOAD_TOO_LARGE",
    () => raw("/conveyor.v1.JobService/EnqueueBatch", Buffer.alloc(9_000_000)),
  ],
  "metadata of 5 KiB": ["INVALID_OPTION", () => job({ metadata: { key: "v".repeat(5_120) } })],
  "metadata of 33 entries": [
    "INVALID_OPTION",
    () => job({ metadata: Object.fromEntries(Array.from({ length: 33 }, (_, index) => [`k${index}`, "v"])) }),
  ],
  "a page of 1,001": ["INVALID_OPTION", () => callUnary(client, JobService.method.listJobs, { pageSize: 1_001 })],
  "17 heirs": ["TOO_MANY_HEIRS", () => tree(Array.from({ length: 17 }, () => ({ role: JobRole.HEIR })))],
  "a tree of 10,001 nodes": [
    "CHAIN_TOO_LARGE",
    () => tree(Array.from({ length: 10_000 }, () => ({ role: JobRole.CHILD }))),
  ],
};

const frames: Cases = {
  "garbage for a request": [
    "FRAME_INVALID",
    () => raw("/conveyor.v1.JobService/Enqueue", Buffer.from("ff00ff", "hex")),
  ],
  "garbage for the first frame": ["FRAME_INVALID", () => work([Buffer.from("not protobuf at all")])],
  "half a frame": ["FRAME_INVALID", () => work([hello().subarray(0, 10)])],
  "a heartbeat before Hello": ["FRAME_OUT_OF_ORDER", () => work([frame({ case: "heartbeat", value: { seq: 1n } })])],
  "Hello twice": ["FRAME_OUT_OF_ORDER", () => work([hello(), hello()])],
  "Hello without a subscription": ["INVALID_OPTION", () => work([hello({ subscriptions: [] })])],
  "Hello with a protocol of the future": ["FRAME_INVALID", () => work([hello({ protocolVersion: 99 })])],
  "a result without an outcome": [
    "FRAME_INVALID",
    () => work([hello(), frame({ case: "results", value: { results: [{ leaseId: "x" }] } })]),
  ],
  "1,001 results in a frame": [
    "FRAME_INVALID",
    () =>
      work([
        hello(),
        frame({ case: "results", value: { results: Array.from({ length: 1_001 }, () => release("x")) } }),
      ]),
  ],
  "a heartbeat that has received what was never sent": [
    "FRAME_INVALID",
    () => work([hello(), frame({ case: "heartbeat", value: { seq: 1n, receivedThrough: 7n } })]),
  ],
  "a window of 10,001": [
    "INVALID_OPTION",
    () => work([hello(), frame({ case: "capacity", value: { seq: 1n, maxInFlight: 10_001 } })]),
  ],
  "a method that is not there": ["METHOD_UNKNOWN", () => raw("/conveyor.v1.JobService/Explode", Buffer.alloc(0))],
};

for (const [kind, cases] of Object.entries({ names, options, sizes, frames })) {
  for (const [what, [code, act]] of Object.entries(cases)) {
    test(`bad input / ${kind}: ${what} is ${code}`, async () => {
      const before = await bystander.mark();
      await assert.rejects(act(), (error) => {
        assert.ok(isConveyorError(error), String(error));
        assert.equal(error.code, code, error.message);
        assert.ok(error.message.length > 10 && error.message.length < 2_000, error.message);
        return true;
      });
      await bystander.progress(before);
    });
  }
}

test("bad input / a result for a lease that nobody gave is refused, and the stream goes on", async () => {
  const answers = await work([hello(), frame({ case: "results", value: { results: [release("nobody-0")] } })], (all) =>
    all.some((answer) => answer.frame.case === "resultAcks"),
  );
  const acks = answers.flatMap((answer) => (answer.frame.case === "resultAcks" ? answer.frame.value.acks : []));
  assert.match(JSON.stringify(acks[0]?.error?.message), /lease/i);
});

type Cases = Readonly<Record<string, readonly [ErrorCode, () => Promise<unknown>]>>;

function any(typeUrl: string, value: Uint8Array = new Uint8Array()) {
  return { $typeName: "google.protobuf.Any", typeUrl, value } as const;
}

function enqueue(spec: Spec): Promise<unknown> {
  return callUnary(client, JobService.method.enqueue, { item: { case: "job", value: spec } });
}

function tree(
  nodes: readonly { readonly role: JobRole; readonly key?: string; readonly spec?: Spec }[],
): Promise<unknown> {
  const content = { case: "payload", value: payload } as const;
  const below = nodes.map(({ role, key = "", spec = {} }) => ({
    parentIndex: 0,
    node: { role, key, job: { content, ...spec } },
  }));
  const value = { nodes: [{ node: { job: { content } } }, ...below] };
  return callUnary(client, JobService.method.enqueue, { item: { case: "tree", value } });
}

function release(leaseId: string) {
  return { leaseId, outcome: { case: "release", value: {} } } as const;
}

function frame(value: NonNullable<MessageInitShape<typeof WorkRequestSchema>["frame"]>): Buffer {
  return Buffer.from(toBinary(WorkRequestSchema, create(WorkRequestSchema, { frame: value })));
}

function hello(change: Readonly<Record<string, unknown>> = {}): Buffer {
  return frame({
    case: "hello",
    value: {
      protocolVersion: 1,
      worker: "tester",
      instanceId: "tester",
      concurrency: 1,
      subscriptions: [{ queue: "unused", types: ["shop.v1.Chore"] }],
      capacity: { seq: 1n, maxInFlight: 1 },
      ...change,
    },
  });
}

/** A unary call of raw bytes. */
function raw(path: string, bytes: Buffer): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const same = (buffer: Buffer) => buffer;
    client.makeUnaryRequest(path, same, same, bytes, new Metadata(), {}, (error, answer) =>
      error ? reject(fromServiceError(error)) : resolve(answer),
    );
  });
}

/** A stream of raw frames: rejects with what ends it, or resolves with its answers when `enough`. */
function work(bytes: readonly Buffer[], enough: (answers: readonly WorkResponse[]) => boolean = () => false) {
  return new Promise<readonly WorkResponse[]>((resolve, reject) => {
    const same = (buffer: Buffer) => buffer;
    const path = `/${WorkerService.typeName}/Work`;
    const call = client.makeBidiStreamRequest(path, same, same, new Metadata(), {});
    const answers: WorkResponse[] = [];
    call.on("data", (answer: Buffer) => {
      answers.push(fromBinary(WorkResponseSchema, answer));
      if (!enough(answers)) return;
      resolve(answers);
      call.cancel();
    });
    call.on("error", (error) => reject(fromServiceError(error)));
    call.on("end", () => reject(new Error("the stream ended well")));
    for (const each of bytes) call.write(each);
  });
}

/** Somebody else, whose jobs run all the while. */
interface Bystander {
  /** How many of its jobs are done. */
  mark(): Promise<number>;
  /** Resolves when one more is done. */
  progress(since: number): Promise<void>;
  stop(): Promise<void>;
}

function startBystander(address: string): Bystander {
  const over = new AbortController();
  let done = 0;
  const working = createWorker(address, { concurrency: 2 })
    .handle(ChoreSchema, () => undefined)
    .run({ signal: over.signal });
  const producing = (async () => {
    await using conveyor = connect(address);
    while (!over.signal.aborted) {
      const chore = await conveyor.enqueue(ChoreSchema, { script: "go on" });
      await chore.wait({ signal: AbortSignal.timeout(20_000) });
      done += 1;
    }
  })();
  return {
    mark: async () => done,
    async progress(since) {
      const late = AbortSignal.timeout(20_000);
      while (done <= since) {
        late.throwIfAborted();
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async stop() {
      over.abort();
      await Promise.all([working, producing]);
    },
  };
}
