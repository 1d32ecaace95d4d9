import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { CapacitySchema, HeartbeatSchema, type Hello, HelloSchema } from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import { helloToDomain } from "../../src/wire/hello.ts";
import { heartbeatFromWire, windowFromWire } from "../../src/wire/window.ts";
import { throwsCode } from "./throws-code.ts";

type HelloInit = Exclude<MessageInitShape<typeof HelloSchema>, Hello>;

const good: HelloInit = {
  protocolVersion: 1,
  worker: "w",
  instanceId: "i",
  concurrency: 4,
  subscriptions: [{ queue: "mail", types: ["shop.v1.SendEmail", "shop.v1.Chore", "shop.v1.SendEmail"] }],
  capacity: { seq: 1n, maxInFlight: 8, maxBytes: 1_000n },
};
const hello = (changes: HelloInit = {}) => helloToDomain(create(HelloSchema, { ...good, ...changes }));

test("hello / what a worker says of itself is read, a type named twice counts once", () => {
  assert.deepEqual(hello({ schemaIds: { "shop.v1.Chore": "abc" }, capabilities: ["future"] }), {
    protocolVersion: 1,
    capabilities: ["future"],
    worker: "w",
    instanceId: "i",
    concurrency: 4,
    subscriptions: [
      { queue: "mail", types: ["shop.v1.SendEmail", "shop.v1.Chore"], jobsMax: Number.POSITIVE_INFINITY },
    ],
    resume: undefined,
    window: { seq: 1n, jobsMax: 8, bytesMax: 1_000 },
    schemaIds: { "shop.v1.Chore": "abc" },
  });
});

test("hello / a session to keep is read with what its worker holds", () => {
  const held = [
    { leaseId: "a-1", elapsed: { seconds: 2n } },
    { leaseId: "a-2", buffered: true },
  ];
  assert.deepEqual(hello({ resume: { sessionId: "s", held } }).resume, {
    sessionId: "s",
    held: [
      { leaseId: "a-1", elapsedMs: 2_000, buffered: false },
      { leaseId: "a-2", elapsedMs: undefined, buffered: true },
    ],
  });
});

test("hello / without a window nothing is delivered yet", () => {
  const { capacity: _, ...bare } = good;
  assert.equal(helloToDomain(create(HelloSchema, bare)).window.jobsMax, 0);
});

test("hello / what is wrong is refused with its code and path", () => {
  const subscription = { queue: "mail", types: ["shop.v1.Chore"] };
  const table: readonly (readonly [changes: HelloInit, code: ErrorCode, path: string])[] = [
    [{ protocolVersion: 0 }, "FRAME_INVALID", "hello.protocol_version"],
    [{ protocolVersion: 2 }, "FRAME_INVALID", "hello.protocol_version"],
    [{ worker: "w\n" }, "INVALID_NAME", "hello.worker"],
    [{ instanceId: "ü" }, "INVALID_NAME", "hello.instance_id"],
    [{ concurrency: 0 }, "INVALID_OPTION", "hello.concurrency"],
    [{ concurrency: 2 ** 32 - 1 }, "INVALID_OPTION", "hello.concurrency"],
    [{ capabilities: Array.from({ length: 65 }, () => "x") }, "INVALID_OPTION", "hello.capabilities"],
    [{ subscriptions: [] }, "INVALID_OPTION", "hello.subscriptions"],
    [{ subscriptions: [subscription, subscription] }, "INVALID_OPTION", "hello.subscriptions"],
    [
      { subscriptions: Array.from({ length: 101 }, (_, i) => ({ ...subscription, queue: `q${i}` })) },
      "INVALID_OPTION",
      "hello.subscriptions",
    ],
    [{ subscriptions: [{ ...subscription, queue: "A" }] }, "INVALID_NAME", "hello.subscriptions[0].queue"],
    [{ subscriptions: [{ ...subscription, types: [] }] }, "INVALID_OPTION", "hello.subscriptions[0].types"],
    [{ subscriptions: [{ ...subscription, types: ["a b"] }] }, "INVALID_NAME", "hello.subscriptions[0].types[0]"],
    [
      { subscriptions: [{ ...subscription, types: ["conveyor.v1.Group"] }] },
      "INVALID_OPTION",
      "hello.subscriptions[0].types",
    ],
    [
      { subscriptions: [{ ...subscription, types: Array.from({ length: 257 }, (_, i) => `a.B${i}`) }] },
      "INVALID_OPTION",
      "hello.subscriptions[0].types",
    ],
    [
      { subscriptions: [{ ...subscription, maxInFlight: 10_001 }] },
      "INVALID_OPTION",
      "hello.subscriptions[0].max_in_flight",
    ],
    [{ capacity: { maxInFlight: 10_001 } }, "INVALID_OPTION", "hello.capacity.max_in_flight"],
    [{ resume: { sessionId: "" } }, "INVALID_NAME", "hello.resume.session_id"],
    [{ resume: { sessionId: "s", held: [{}] } }, "INVALID_NAME", "hello.resume.held[0].lease_id"],
    [
      { resume: { sessionId: "s", held: [{ leaseId: "l", elapsed: { seconds: -1n } }] } },
      "INVALID_OPTION",
      "hello.resume.held[0].elapsed",
    ],
  ];
  for (const [changes, code, path] of table) {
    const error = throwsCode(code, () => hello(changes));
    assert.equal(error.details.fields?.[0]?.path, path);
  }
});

test("window / no bound on bytes is Infinity, no job pauses", () => {
  const window = windowFromWire(create(CapacitySchema, { seq: 3n }));
  assert.deepEqual(window, { seq: 3n, jobsMax: 0, bytesMax: Number.POSITIVE_INFINITY });
});

test("heartbeat / the leases that a worker believes it holds are read", () => {
  const wire = create(HeartbeatSchema, {
    seq: 2n,
    receivedThrough: 7n,
    heldLeaseIds: ["a", "b"],
    bufferedLeaseIds: ["b"],
  });
  assert.deepEqual(heartbeatFromWire(wire), { seq: 2n, receivedThrough: 7n, held: ["a", "b"], buffered: ["b"] });
  const wrong = create(HeartbeatSchema, { heldLeaseIds: ["a", "x".repeat(129)] });
  const error = throwsCode("INVALID_NAME", () => heartbeatFromWire(wrong));
  assert.equal(error.details.fields?.[0]?.path, "heartbeat.held_lease_ids[1]");
});
