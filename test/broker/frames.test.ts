import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Metadata } from "@grpc/grpc-js";
import fc from "fast-check";
import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import { WorkerService, WorkRequestSchema } from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { ConveyorError } from "../../src/core/errors.ts";
import { fromServiceError } from "../../src/wire/error-status.ts";
import { methodPath, sameBytes, toBuffer } from "../../src/wire/service-definition.ts";
import { chores, startWorld, type World } from "./world.ts";

type Frame = NonNullable<MessageInitShape<typeof WorkRequestSchema>["frame"]>;

const success = { case: "success" as const, value: {} };
const hello: Frame = {
  case: "hello",
  value: { protocolVersion: 1, concurrency: 1, subscriptions: [chores], capacity: { seq: 1n, maxInFlight: 10 } },
};
const many = (count: number) => Array.from({ length: count }, (_, index) => `lease-${index}`);

const malformed: readonly {
  readonly what: string;
  readonly frames: readonly (Frame | Uint8Array)[];
  readonly code: string;
}[] = [
  { what: "bytes that are no protobuf", frames: [new Uint8Array([0xff, 0xff, 0xff])], code: "FRAME_INVALID" },
  { what: "a first frame that is no Hello", frames: [{ case: "heartbeat", value: {} }], code: "FRAME_OUT_OF_ORDER" },
  { what: "a second Hello", frames: [hello, hello], code: "FRAME_OUT_OF_ORDER" },
  { what: "another protocol version", frames: [changed({ protocolVersion: 2 })], code: "FRAME_INVALID" },
  { what: "a Hello without subscriptions", frames: [changed({ subscriptions: [] })], code: "INVALID_OPTION" },
  {
    what: "a bad queue name",
    frames: [changed({ subscriptions: [{ ...chores, queue: "No Such" }] })],
    code: "INVALID_NAME",
  },
  {
    what: "a bad type name",
    frames: [changed({ subscriptions: [{ ...chores, types: ["no type"] }] })],
    code: "INVALID_NAME",
  },
  {
    what: "257 types",
    frames: [changed({ subscriptions: [{ ...chores, types: many(257).map((_, n) => `a.T${n}`) }] })],
    code: "INVALID_OPTION",
  },
  {
    what: "a window beyond 10,000",
    frames: [hello, { case: "capacity", value: { seq: 2n, maxInFlight: 10_001 } }],
    code: "INVALID_OPTION",
  },
  {
    what: "a Stage frame without a number",
    frames: [hello, { case: "stage", value: { leaseId: "x-0", children: [{}] } }],
    code: "FRAME_INVALID",
  },
  {
    what: "a Stage frame without children",
    frames: [hello, { case: "stage", value: { leaseId: "x-0", seq: 1n } }],
    code: "FRAME_INVALID",
  },
  {
    what: "a Stage frame of 2,001 children",
    frames: [hello, { case: "stage", value: { leaseId: "x-0", seq: 1n, children: many(2_001).map(() => ({})) } }],
    code: "FRAME_INVALID",
  },
  {
    what: "progress beyond the whole",
    frames: [hello, { case: "progress", value: { reports: [{ leaseId: "x-0", progress: { fraction: 1.5 } }] } }],
    code: "FRAME_INVALID",
  },
  {
    what: "progress of more than 16 KiB",
    frames: [hello, progressOf("x".repeat(16_400))],
    code: "FRAME_INVALID",
  },
  {
    what: "1,001 reports of progress",
    frames: [
      hello,
      { case: "progress", value: { reports: many(1_001).map((leaseId) => ({ leaseId, progress: {} })) } },
    ],
    code: "FRAME_INVALID",
  },
  {
    what: "a result without an outcome",
    frames: [hello, { case: "results", value: { results: [{ leaseId: "x-0" }] } }],
    code: "FRAME_INVALID",
  },
  {
    what: "a result without a lease",
    frames: [hello, { case: "results", value: { results: [{ outcome: success }] } }],
    code: "INVALID_NAME",
  },
  {
    what: "1,001 results",
    frames: [
      hello,
      { case: "results", value: { results: many(1_001).map((leaseId) => ({ leaseId, outcome: success })) } },
    ],
    code: "FRAME_INVALID",
  },
  {
    what: "receipt of what was never sent",
    frames: [hello, { case: "heartbeat", value: { receivedThrough: 7n } }],
    code: "FRAME_INVALID",
  },
  {
    what: "a frame above 4 MiB",
    frames: [hello, { case: "started", value: { leaseIds: ["x".repeat(5 * 1024 * 1024)] } }],
    code: "PAYLOAD_TOO_LARGE",
  },
  {
    what: "a frame above the transport's limit",
    frames: [hello, { case: "started", value: { leaseIds: ["x".repeat(9 * 1024 * 1024)] } }],
    code: "PAYLOAD_TOO_LARGE",
  },
];

for (const { what, frames, code } of malformed) {
  test(`frames / ${what} ends the stream with ${code} and leaves others alone`, async (t) => {
    const world = await startWorld(t);
    const bystander = await world.worker();
    const error = await sendRaw(world, frames);
    assert.equal(error.code, code, error.message);
    assert.doesNotMatch(error.message, /\bat .*\.ts:/, "no stack reaches a client");
    await runOne(world, bystander);
  });
}

test("frames / a protocol violation keeps the leases for a resume", async (t) => {
  const { call, worker } = await startWorld(t);
  const at = await worker();
  const job = await call.enqueueChore();
  const [lease] = await at.deliveries(1);
  at.heartbeat({ receivedThrough: 99 });
  assert.equal((await at.ended)?.code, "FRAME_INVALID");
  assert.equal((await call.getJob(job.id)).state, JobState.RUNNING);
  const again = await worker({
    resume: { sessionId: at.welcome.sessionId, held: [{ leaseId: lease?.leaseId ?? "" }] },
  });
  assert.deepEqual(again.welcome.keptLeaseIds, [lease?.leaseId]);
});

test("frames / a stream that never says hello is ended", async (t) => {
  const { stream } = await startWorld(t, { intervals: { helloMs: 50 } });
  assert.equal((await stream().ended)?.code, "FRAME_OUT_OF_ORDER");
});

test("frames / a frame of a kind that nobody knows is ignored", async (t) => {
  const world = await startWorld(t);
  const at = await world.worker();
  at.send({ case: undefined } as never);
  await runOne(world, at);
});

test("frames / a result of a lease that nobody has is refused by name, and the stream goes on", async (t) => {
  const world = await startWorld(t);
  const at = await world.worker();
  at.result({ leaseId: "nobody-0", outcome: success });
  const [ack] = await at.acks(1);
  assert.equal(ack?.leaseId, "nobody-0");
  assert.match(ack?.error?.message ?? "", /not the job's newest/);
  await runOne(world, at);
});

test("frames / no bytes whatever break the broker", async (t) => {
  const world = await startWorld(t);
  const bystander = await world.worker();
  const greeting = toBinary(WorkRequestSchema, create(WorkRequestSchema, { frame: hello }));
  const mutated = fc
    .tuple(fc.nat(greeting.length - 1), fc.uint8Array({ minLength: 1, maxLength: 8 }))
    .map(([at, bytes]) =>
      Uint8Array.from([...greeting.subarray(0, at), ...bytes, ...greeting.subarray(at + bytes.length)]),
    );
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), fc.boolean(), async (bytes, greeted) => {
      const end = await sendRaw(world, [...(greeted ? [hello] : []), bytes, new Uint8Array([0xff])], true).catch(
        (error: unknown) => {
          // Some bytes say goodbye.
          assert.match(String(error), /the stream ended well/);
        },
      );
      assert.notEqual(end?.code, "INTERNAL", end?.message);
    }),
    { numRuns: 60 },
  );
  await runOne(world, bystander);
});

async function runOne(world: World, at: Awaited<ReturnType<World["worker"]>>): Promise<void> {
  const job = await world.call.enqueueChore();
  const [delivery] = await at.deliveries(1);
  assert.equal(delivery?.jobId, job.id);
  at.result({ leaseId: delivery?.leaseId ?? "", outcome: success });
  assert.equal((await at.acks(1))[0]?.state, JobState.COMPLETED);
}

function progressOf(message: string): Frame {
  return { case: "progress", value: { reports: [{ leaseId: "x-0", progress: { message } }] } };
}

function changed(value: object): Frame {
  return { case: "hello", value: { ...(hello.value as object), ...value } } as Frame;
}

/** Writes frames past every check of the client, the first alone unless told, and says how the broker ended the stream. */
function sendRaw({ client }: World, frames: readonly (Frame | Uint8Array)[], atOnce = false): Promise<ConveyorError> {
  const path = methodPath(WorkerService.method.work);
  const call = client.makeBidiStreamRequest<Uint8Array, Buffer>(path, toBuffer, sameBytes, new Metadata(), {});
  const left = frames.map((frame) =>
    frame instanceof Uint8Array ? frame : toBinary(WorkRequestSchema, create(WorkRequestSchema, { frame })),
  );
  const rest = () => {
    for (const frame of left.splice(0)) call.write(frame);
  };
  return new Promise((resolve, reject) => {
    call.on("data", rest);
    call.on("error", (error) => resolve(fromServiceError(error)));
    call.on("status", ({ code }) => {
      if (code === 0) reject(new Error("the stream ended well"));
    });
    for (const frame of left.splice(0, atOnce ? left.length : 1)) call.write(frame);
  });
}
