import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { create } from "@bufbuild/protobuf";
import { type JobSpec, JobSpecSchema } from "../../gen/conveyor/v1/job_pb.ts";
import { BackoffKind } from "../../gen/conveyor/v1/options_pb.ts";
import { ConveyorError, type ErrorCode } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import { type SpecContext, specToJob } from "../../src/wire/spec-to-job.ts";
import { choreBytes, specOf, specSource } from "./spec-source.ts";
import { throwsCode } from "./throws-code.ts";

type Init = MessageInitShape<typeof JobSpecSchema>;

test("job / a bare payload becomes a job with everything left to type, queue and server", () => {
  assert.deepEqual(specToJob(specOf("unknown.v1.Type"), specSource({ principal: "ada" })), {
    id: "minted-1",
    requestId: undefined,
    payload: { type: "unknown.v1.Type", bytes: new Uint8Array() },
    queue: "default",
    priority: undefined,
    start: { kind: "now" },
    maxAttempts: undefined,
    backoff: undefined,
    timeoutMs: undefined,
    metadata: undefined,
    schemaId: "",
    principal: "ada",
  });
});

test("job / the request rules over the type's own defaults, they over the registry", () => {
  const registry = specToJob(specOf("shop.v1.SendEmail"), specSource());
  assert.deepEqual([registry.queue, registry.maxAttempts, registry.timeoutMs], ["mail", 3, 30_000]);
  assert.equal(registry.schemaId, "schema of shop.v1.SendEmail");

  const typeDefaults = { queue: "slow-mail", priority: 4, timeout: { seconds: 60n } };
  const stub = specToJob(specOf("shop.v1.SendEmail", { typeDefaults }), specSource());
  assert.deepEqual([stub.queue, stub.priority, stub.timeoutMs], ["slow-mail", 4, 60_000]);
  assert.equal(stub.maxAttempts, undefined, "defaults that came along are taken whole");

  const request = specToJob(
    specOf("shop.v1.SendEmail", { typeDefaults, queue: "now", priority: 0, maxAttempts: 1, timeout: { nanos: 1 } }),
    specSource(),
  );
  assert.deepEqual([request.queue, request.priority, request.maxAttempts, request.timeoutMs], ["now", 0, 1, 1]);
});

test("job / a back-off is taken whole, what it leaves out has its default", () => {
  const resize = specToJob(specOf("shop.v1.ResizeImage"), specSource());
  assert.deepEqual(resize.backoff, { kind: "FIXED", initialMs: 50, maxMs: 600_000, multiplier: 2, jitter: 1 });
  const backoff = { kind: BackoffKind.LINEAR, max: { seconds: 5n }, jitter: 0 };
  const asked = specToJob(specOf("shop.v1.ResizeImage", { backoff }), specSource());
  assert.deepEqual(asked.backoff, { kind: "LINEAR", initialMs: 1_000, maxMs: 5_000, multiplier: 2, jitter: 0 });
});

test("job / the name of a type is what follows the last slash of its URL", () => {
  for (const prefix of ["type.googleapis.com/", "example.com/types/of/mine/", "/", ""]) {
    const content = { case: "payload" as const, value: { typeUrl: `${prefix}shop.v1.Chore`, value: choreBytes("x") } };
    const job = specToJob(create(JobSpecSchema, { content }), specSource());
    assert.equal(job.payload.type, "shop.v1.Chore");
    assert.deepEqual(job.payload.bytes, choreBytes("x"));
  }
});

test("job / it starts at once, at a time or after a delay", () => {
  const start = (init: NonNullable<Init["start"]>) => specToJob(specOf("a.B", { start: init }), specSource()).start;
  assert.deepEqual(start({ case: "runTime", value: { seconds: 5n, nanos: 1 } }), { kind: "at", timeMs: 5_001 });
  assert.deepEqual(start({ case: "delay", value: { seconds: 3_600n } }), { kind: "after", delayMs: 3_600_000 });
  assert.deepEqual(start({ case: "delay", value: {} }), { kind: "after", delayMs: 0 });
});

test("job / JSON is transcoded by the registry, and its problem names the field", () => {
  const content = { case: "json" as const, value: { type: "shop.v1.Chore", json: '{"script":"x"}' } };
  const spec = create(JobSpecSchema, { content });
  const job = specToJob(spec, specSource({ transcodeJson: () => choreBytes("x") }));
  assert.deepEqual(job.payload, { type: "shop.v1.Chore", bytes: choreBytes("x") });

  const error = throwsCode("UNKNOWN_JOB_TYPE", () => specToJob(spec, specSource({ path: "items[3].job" })));
  assert.equal(error.details.fields?.[0]?.path, "items[3].job.json.json");

  const large = specSource({ transcodeJson: () => new Uint8Array(limits.payloadBytesMax + 1) });
  throwsCode("PAYLOAD_TOO_LARGE", () => specToJob(spec, large));
});

test("job / a payload that the registry refuses is refused with its field", () => {
  const checkPayload = () => {
    throw new ConveyorError("PAYLOAD_INVALID", "the bytes are no shop.v1.Chore");
  };
  const error = throwsCode("PAYLOAD_INVALID", () => specToJob(specOf("shop.v1.Chore"), specSource({ checkPayload })));
  assert.match(error.message, /^job\.payload: the bytes are no shop\.v1\.Chore/);
});

test("job / limits are met exactly", () => {
  const largest = {
    case: "payload" as const,
    value: { typeUrl: "/a.B", value: new Uint8Array(limits.payloadBytesMax) },
  };
  const metadata: Record<string, string> = {};
  for (let index = 0; index < limits.metadataEntriesMax; index += 1) metadata[`key${index % 10}${index}`] = "";
  const used = Object.keys(metadata).join("").length;
  metadata.key00 = "y".repeat(limits.metadataBytesMax - used);
  const job = specToJob(
    specOf("a.B", {
      id: "~".repeat(128),
      requestId: " ".repeat(128),
      content: largest,
      queue: "q".repeat(100),
      priority: -(2 ** 31),
      maxAttempts: 10_000,
      timeout: { seconds: 30n * 24n * 3_600n },
      backoff: { initial: { seconds: 31_536_000n }, max: { seconds: 31_536_000n }, multiplier: 1_000, jitter: 1 },
      start: { case: "delay", value: { seconds: 315_360_000n } },
      metadata,
    }),
    specSource(),
  );
  assert.equal(job.priority, -(2 ** 31));
  assert.equal(job.metadata, metadata);
});

const wrong: readonly (readonly [what: string, init: Init, code: ErrorCode, path: string])[] = [
  ["no payload", { content: { case: undefined } }, "PAYLOAD_INVALID", "job.payload"],
  [
    "a type URL without a name",
    { content: { case: "payload", value: { typeUrl: "x/" } } },
    "INVALID_NAME",
    "job.payload.type_url",
  ],
  [
    "a type that is no name",
    { content: { case: "payload", value: { typeUrl: "x/a..b" } } },
    "INVALID_NAME",
    "job.payload.type_url",
  ],
  ["JSON without a type", { content: { case: "json", value: { json: "{}" } } }, "INVALID_NAME", "job.json.type"],
  ["an id with a line break", { id: "a\nb" }, "INVALID_NAME", "job.id"],
  ["an id of 129 characters", { id: "a".repeat(129) }, "INVALID_NAME", "job.id"],
  ["a request id beyond ASCII", { requestId: "ä" }, "INVALID_NAME", "job.request_id"],
  ["a queue with capitals", { queue: "Mail" }, "INVALID_NAME", "job.queue"],
  ["a queue of 101 characters", { queue: "q".repeat(101) }, "INVALID_NAME", "job.queue"],
  ["no attempt", { maxAttempts: 0 }, "INVALID_OPTION", "job.max_attempts"],
  ["too many attempts", { maxAttempts: 10_001 }, "INVALID_OPTION", "job.max_attempts"],
  ["a time-out of nothing", { timeout: {} }, "INVALID_OPTION", "job.timeout"],
  ["a time-out of 31 days", { timeout: { seconds: 31n * 86_400n } }, "INVALID_OPTION", "job.timeout"],
  ["a negative delay", { start: { case: "delay", value: { seconds: -1n } } }, "INVALID_OPTION", "job.delay"],
  [
    "a delay of 20 years",
    { start: { case: "delay", value: { seconds: 630_720_000n } } },
    "INVALID_OPTION",
    "job.delay",
  ],
  [
    "a run time in the year 9999",
    { start: { case: "runTime", value: { seconds: 253_402_300_799n } } },
    "INVALID_OPTION",
    "job.run_time",
  ],
  ["an unknown back-off", { backoff: { kind: 9 as BackoffKind } }, "INVALID_OPTION", "job.backoff.kind"],
  ["a negative first wait", { backoff: { initial: { nanos: -1 } } }, "INVALID_OPTION", "job.backoff.initial"],
  ["a longest wait below the first", { backoff: { max: { nanos: 1 } } }, "INVALID_OPTION", "job.backoff.max"],
  [
    "a first wait above the unset longest",
    { backoff: { initial: { seconds: 3_600n } } },
    "INVALID_OPTION",
    "job.backoff.max",
  ],
  ["a shrinking back-off", { backoff: { multiplier: 0.5 } }, "INVALID_OPTION", "job.backoff.multiplier"],
  [
    "a multiplier that is no number",
    { backoff: { multiplier: Number.NaN } },
    "INVALID_OPTION",
    "job.backoff.multiplier",
  ],
  [
    "an endless multiplier",
    { backoff: { multiplier: Number.POSITIVE_INFINITY } },
    "INVALID_OPTION",
    "job.backoff.multiplier",
  ],
  ["a jitter above 1", { backoff: { jitter: 1.01 } }, "INVALID_OPTION", "job.backoff.jitter"],
  [
    "33 entries of metadata",
    { metadata: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, ""])) },
    "INVALID_OPTION",
    "job.metadata",
  ],
  ["metadata above 4 KiB", { metadata: { a: "ä".repeat(2_048) } }, "INVALID_OPTION", "job.metadata"],
  ["a metadata key with a null", { metadata: { "a\0": "" } }, "INVALID_NAME", "job.metadata"],
  ["a type default that is no queue", { typeDefaults: { queue: "!" } }, "INVALID_NAME", "job.type_defaults.queue"],
  [
    "a type default that is no result",
    { typeDefaults: { result: "no name" } },
    "INVALID_NAME",
    "job.type_defaults.result",
  ],
  [
    "type defaults of no attempt",
    { typeDefaults: { maxAttempts: 0 } },
    "INVALID_OPTION",
    "job.type_defaults.max_attempts",
  ],
];

test("job / what is wrong is refused with its code and the path of the field", () => {
  for (const [what, init, code, path] of wrong) {
    const error = throwsCode(code, () => specToJob(specOf("shop.v1.Chore", init), specSource()));
    assert.equal(error.details.fields?.[0]?.path, path, what);
    assert.ok(error.message.startsWith(`${path}: `), error.message);
    assert.ok(error.message.length < 400, error.message);
  }
});

test("job / a payload above 1 MiB is PAYLOAD_TOO_LARGE", () => {
  const value = { typeUrl: "x/a.B", value: new Uint8Array(limits.payloadBytesMax + 1) };
  const spec = create(JobSpecSchema, { content: { case: "payload", value } });
  const error = throwsCode("PAYLOAD_TOO_LARGE", () => specToJob(spec, specSource()));
  assert.match(error.message, /1048577 bytes, at most 1048576/);
});

test("job / below a root neither id nor request id may be chosen", () => {
  const below: Partial<SpecContext> = { isRoot: false, path: "nodes[1].node.job" };
  const refused = (spec: JobSpec) => throwsCode("INVALID_OPTION", () => specToJob(spec, specSource(below)));
  assert.match(refused(specOf("a.B", { id: "x" })).message, /^nodes\[1\]\.node\.job\.id: /);
  assert.match(refused(specOf("a.B", { requestId: "x" })).message, /^nodes\[1\]\.node\.job\.request_id: /);
  assert.equal(specToJob(specOf("a.B"), specSource(below)).id, "minted-1");
});
