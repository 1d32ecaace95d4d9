import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import { status as grpcStatus, Metadata } from "@grpc/grpc-js";
import fc from "fast-check";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import {
  ConveyorError,
  type ErrorCode,
  type ErrorDetails,
  errorStatus,
  isConveyorError,
} from "../../src/core/errors.ts";
import {
  codeToRpcStatus,
  fromRpcStatus,
  fromServiceError,
  toRpcStatus,
  toServiceError,
} from "../../src/wire/error-status.ts";

const codes = Object.keys(errorStatus) as ErrorCode[];
const typeUrlOf = (name: string) => `type.googleapis.com/google.rpc.${name}`;

/** The error that a client's grpc-js makes of a status. */
function asServiceError({ code, details, metadata }: { code: number; details: string; metadata: Metadata }): Error {
  return Object.assign(new Error(`${code}: ${details}`), { code, details, metadata });
}

test("errors / every code travels with its status and comes back the same", () => {
  for (const code of codes) {
    const sent = toServiceError(new ConveyorError(code, `about ${code}`));
    assert.equal(grpcStatus[sent.code], errorStatus[code]);
    const back = fromServiceError(asServiceError(sent));
    assert.deepEqual([back.code, back.message, back.details], [code, `about ${code}`, {}]);
  }
});

test("errors / details come back the same", () => {
  const text = fc.string({ unit: "binary", maxLength: 40 });
  const plain = { noNullPrototype: true };
  const details = fc.record<ErrorDetails>(
    {
      fields: fc.array(fc.record({ path: text, problem: text }, plain), { minLength: 1, maxLength: 5 }),
      resource: fc.record({ type: fc.constantFrom("job", "queue", "session", "lease", "store"), name: text }, plain),
      retryAfterMs: fc.integer({ min: 0, max: 1e12 }),
      metadata: fc.dictionary(
        text.filter((key) => key !== "__proto__"),
        text,
        { ...plain, minKeys: 1, maxKeys: 5 },
      ),
    },
    { ...plain, requiredKeys: [] },
  );
  fc.assert(
    fc.property(fc.constantFrom(...codes), text, details, (code, message, sentDetails) => {
      const error = new ConveyorError(code, message, { details: sentDetails });
      for (const back of [fromServiceError(asServiceError(toServiceError(error))), fromRpcStatus(toRpcStatus(error))]) {
        assert.equal(back.code, code);
        assert.equal(back.message, message);
        assert.deepEqual(back.details, sentDetails);
      }
    }),
  );
});

test("errors / there is exactly one ErrorInfo, of Conveyor's domain", () => {
  const fields = [{ path: "a", problem: "b" }];
  const { details } = toRpcStatus(new ConveyorError("INVALID_OPTION", "x", { details: { fields, retryAfterMs: 5 } }));
  assert.deepEqual(
    details.map((any) => any.typeUrl),
    ["ErrorInfo", "RetryInfo", "BadRequest"].map(typeUrlOf),
  );
  const info = fromBinary(ErrorInfoSchema, details[0]?.value ?? new Uint8Array());
  assert.deepEqual([info.reason, info.domain], ["INVALID_OPTION", "conveyor"]);
});

test("errors / headers stay below 8 KiB whatever the error says", () => {
  const long = fc.string({ unit: "binary", minLength: 1_000, maxLength: 6_000 });
  fc.assert(
    fc.property(long, fc.array(long, { maxLength: 30 }), (text, more) => {
      const { code, details, metadata } = toServiceError(
        new ConveyorError("INVALID_OPTION", text, {
          details: {
            fields: more.map((problem) => ({ path: problem, problem })),
            resource: { type: "job", name: text },
            metadata: Object.fromEntries(more.map((each) => [each, each])),
          },
        }),
      );
      const [bytes] = metadata.get("grpc-status-details-bin");
      assert.ok(bytes instanceof Buffer);
      const header = encodeURI(details).length + Math.ceil(bytes.byteLength / 3) * 4;
      assert.ok(header < 8_000, `${header} bytes`);
      assert.equal(fromServiceError(asServiceError({ code, details, metadata })).code, "INVALID_OPTION");
    }),
    { numRuns: 30 },
  );
});

test("errors / what is no ConveyorError is INTERNAL and says nothing of itself", () => {
  for (const thrown of [
    new Error("secret"),
    new TypeError("secret"),
    "secret",
    null,
    undefined,
    { code: 5, details: "secret" },
  ]) {
    const sent = toServiceError(thrown);
    assert.equal(sent.code, grpcStatus.INTERNAL);
    assert.doesNotMatch(JSON.stringify(toRpcStatus(thrown), bigintText) + sent.details, /secret/);
  }
});

const bigintText = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);

test("errors / the cause and the stack never travel", () => {
  const error = new ConveyorError("STORE_UNAVAILABLE", "the store is away", { cause: new Error("secret") });
  const sent = toServiceError(error);
  const text = Buffer.concat(sent.metadata.get("grpc-status-details-bin").map((each) => Buffer.from(each))).toString();
  assert.doesNotMatch(text, /secret|error-status/);
});

test("errors / a status of grpc itself becomes the code that says what to do", () => {
  const table: readonly [code: grpcStatus, details: string, expected: ErrorCode][] = [
    [grpcStatus.UNAVAILABLE, "No connection established", "BROKER_UNREACHABLE"],
    [grpcStatus.CANCELLED, "Call cancelled", "BROKER_UNREACHABLE"],
    [grpcStatus.ABORTED, "", "BROKER_UNREACHABLE"],
    [grpcStatus.INTERNAL, "Received RST_STREAM with code 2 (Internal server error)", "BROKER_UNREACHABLE"],
    [grpcStatus.INTERNAL, "Response message parsing error", "INTERNAL"],
    [grpcStatus.DEADLINE_EXCEEDED, "Deadline exceeded after 1s", "TIMED_OUT"],
    [grpcStatus.UNIMPLEMENTED, "The server does not implement the method", "METHOD_UNKNOWN"],
    [grpcStatus.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 8)", "PAYLOAD_TOO_LARGE"],
    [grpcStatus.RESOURCE_EXHAUSTED, "Attempted to send message with a size larger than 8", "PAYLOAD_TOO_LARGE"],
    [grpcStatus.RESOURCE_EXHAUSTED, "Received message that decompresses to a size larger than 8", "PAYLOAD_TOO_LARGE"],
    [grpcStatus.RESOURCE_EXHAUSTED, "Bandwidth exhausted", "SERVER_BUSY"],
    [grpcStatus.UNAUTHENTICATED, "", "CREDENTIALS_INVALID"],
    [grpcStatus.PERMISSION_DENIED, "", "ROLE_MISSING"],
    [grpcStatus.INVALID_ARGUMENT, "", "INVALID_OPTION"],
    [grpcStatus.UNKNOWN, "Unknown Error", "INTERNAL"],
    [grpcStatus.DATA_LOSS, "", "INTERNAL"],
  ];
  for (const [code, details, expected] of table) {
    const error = fromServiceError(asServiceError({ code, details, metadata: new Metadata() }));
    assert.equal(error.code, expected, `${grpcStatus[code]} ${details}`);
    assert.notEqual(error.message, "");
  }
});

test("errors / details that are garbage or another domain's leave the status code", () => {
  const other = create(StatusSchema, {
    code: 5,
    details: [{ typeUrl: typeUrlOf("ErrorInfo"), value: new Uint8Array([0x12, 0x03, 0x61, 0x62, 0x63]) }],
  });
  assert.equal(fromRpcStatus(other).code, "INTERNAL");
  for (const bytes of ["ff", "0a05", "1a04ffffffff"]) {
    const metadata = new Metadata();
    metadata.set("grpc-status-details-bin", Buffer.from(bytes, "hex"));
    assert.equal(fromServiceError(asServiceError({ code: 14, details: "x", metadata })).code, "BROKER_UNREACHABLE");
  }
});

test("errors / a reason of a newer broker keeps its name", () => {
  const sent = toRpcStatus(new ConveyorError("DRAINING", "later"));
  const [info] = sent.details;
  assert.ok(info);
  info.value = Buffer.from(Buffer.from(info.value).toString("latin1").replace("DRAINING", "MELTDOWN"), "latin1");
  const error = fromRpcStatus(sent);
  assert.equal(error.code, "BROKER_UNREACHABLE");
  assert.deepEqual(error.details.metadata, { reason: "MELTDOWN" });
});

test("errors / a ConveyorError passes fromServiceError as it is, anything else becomes one", () => {
  const error = new ConveyorError("CLOSED", "x");
  assert.equal(fromServiceError(error), error);
  for (const thrown of ["x", undefined, new Error("y"), { code: 3 }])
    assert.ok(isConveyorError(fromServiceError(thrown)));
});

test("errors / a code alone makes a status for a frame", () => {
  const error = fromRpcStatus(codeToRpcStatus("LEASE_LOST", "gone"));
  assert.deepEqual([error.code, error.message], ["LEASE_LOST", "gone"]);
});
