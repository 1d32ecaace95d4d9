import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { JobRole } from "../../gen/conveyor/v1/job_pb.ts";
import { ResultSchema, type SuccessSchema } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError, type ErrorCode } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import { parseTypeName } from "../../src/core/names.ts";
import { type EndedAttempt, resultToOutcome } from "../../src/wire/result-to-outcome.ts";
import type { SpecContext } from "../../src/wire/spec-to-job.ts";
import { specOf, specSource } from "./spec-source.ts";
import { throwsCode } from "./throws-code.ts";

type Outcome = NonNullable<MessageInitShape<typeof ResultSchema>["outcome"]>;
type Read = Partial<SpecContext> & { readonly jobType?: string; readonly leaseId?: string };

function read(outcome: Outcome, { jobType = "shop.v1.MakeAlbum", leaseId = "lease-1", ...source }: Read = {}) {
  const result = create(ResultSchema, { leaseId, outcome });
  return resultToOutcome(result, parseTypeName(jobType), specSource({ ...source, path: "results[2]" }));
}

const success = (value: MessageInitShape<typeof SuccessSchema>): Outcome => ({ case: "success", value });
const any = (type: string, bytes = 0) => ({ typeUrl: `x/${type}`, value: new Uint8Array(bytes) });
const child = { role: JobRole.CHILD, job: specOf("shop.v1.Chore") };

/** Recorded as a failure with this problem, though `sent` was another kind. */
function unstorable(code: ErrorCode, ended: EndedAttempt): string {
  assert.equal(ended.problem, code);
  assert.equal(ended.outcome.kind, "failure");
  assert.equal(ended.outcome.kind === "failure" && ended.outcome.error.name, code);
  return ended.outcome.kind === "failure" ? ended.outcome.error.message : "";
}

test("result / a success brings its result and its nodes", () => {
  const ended = read(success({ result: any("shop.v1.Album", 3), declarations: [child] }));
  assert.equal(ended.leaseId, "lease-1");
  assert.equal(ended.sent, "success");
  assert.equal(ended.problem, undefined);
  assert.ok(ended.outcome.kind === "success");
  assert.deepEqual(ended.outcome.result, { type: "shop.v1.Album", bytes: new Uint8Array(3) });
  assert.equal(ended.outcome.nodes.length, 1);
});

test("result / a success may bring nothing", () => {
  assert.deepEqual(read(success({})).outcome, { kind: "success", result: undefined, nodes: [] });
});

test("result / a result of another type is recorded as RESULT_TYPE_MISMATCH", () => {
  const message = unstorable("RESULT_TYPE_MISMATCH", read(success({ result: any("shop.v1.EmailSent") })));
  assert.match(message, /^results\[2\]\.success\.result: shop\.v1\.MakeAlbum has the result shop\.v1\.Album, got/);
  unstorable("RESULT_TYPE_MISMATCH", read(success({ result: any("shop.v1.Album") }), { jobType: "shop.v1.Chore" }));
  assert.equal(read(success({ result: any("shop.v1.Album") }), { jobType: "unknown.v1.Type" }).problem, undefined);
});

test("result / what cannot be stored is recorded as a failure with its reason, and says what was sent", () => {
  const table: readonly (readonly [code: ErrorCode, outcome: Outcome, source?: Read])[] = [
    ["PAYLOAD_TOO_LARGE", success({ result: any("shop.v1.Album", limits.resultBytesMax + 1) })],
    ["INVALID_NAME", success({ result: any("") })],
    ["TREE_INVALID", success({ declarations: [{}] })],
    ["INVALID_NAME", success({ declarations: [{ ...child, key: "\n" }] })],
    ["TOO_MANY_CHILDREN", success({ declarations: Array.from({ length: 2_001 }, () => child) })],
    ["TOO_MANY_HEIRS", success({ declarations: Array.from({ length: 17 }, () => ({ ...child, role: JobRole.HEIR })) })],
    [
      "DUPLICATE_KEY",
      success({
        declarations: [
          { ...child, key: "k" },
          { ...child, key: "k" },
        ],
      }),
    ],
    ["INVALID_OPTION", { case: "snooze", value: {} }],
    ["INVALID_OPTION", { case: "snooze", value: { delay: { seconds: -1n } } }],
    ["INVALID_OPTION", { case: "snooze", value: { delay: { seconds: 2n ** 40n } } }],
    ["PAYLOAD_INVALID", success({ result: any("shop.v1.Album") }), { checkPayload: refuse }],
  ];
  for (const [code, outcome, source] of table) {
    const ended = read(outcome, source);
    unstorable(code, ended);
    assert.equal(ended.sent, outcome.case);
  }
});

function refuse(): never {
  throw new ConveyorError("PAYLOAD_INVALID", "none of it");
}

test("result / a mistake of the broker is not the worker's failure", () => {
  const typeOptions = () => {
    throw new TypeError("bug");
  };
  assert.throws(() => read(success({ result: any("shop.v1.Album") }), { typeOptions }), TypeError);
});

test("result / a failure is cut to what is kept, and has a name", () => {
  const error = { name: "É".repeat(500), message: "m".repeat(9_000), stack: "s".repeat(40_000) };
  const { outcome } = read({ case: "failure", value: { error, timedOut: true } });
  assert.ok(outcome.kind === "failure");
  assert.equal(outcome.error.name, "É".repeat(128));
  assert.equal(outcome.error.message.length, limits.errorMessageBytesMax);
  assert.equal(outcome.error.stack.length, limits.errorStackBytesMax);
  assert.equal(outcome.timedOut, true);
  const bare = read({ case: "failure", value: {} }).outcome;
  assert.deepEqual(bare.kind === "failure" && bare.error, { name: "Error", message: "", stack: "" });
});

test("failure / an invalid custom delay falls back to the policy (30)", () => {
  const asked = (seconds: bigint, nanos = 0) => {
    const { outcome } = read({ case: "failure", value: { retryAfter: { seconds, nanos } } });
    return outcome.kind === "failure" ? outcome.retryAfterMs : assert.fail("a failure stays one");
  };
  assert.equal(asked(5n, 1), 5_001);
  assert.equal(asked(0n), undefined);
  assert.equal(asked(-5n), undefined);
  assert.equal(asked(2n ** 62n), undefined);
  assert.equal(asked(BigInt(limits.backoffMsMax / 1_000)), limits.backoffMsMax);
});

test("result / discard, snooze, release and cancel are read as they are", () => {
  const error = { name: "Gone", message: "no such user", stack: "" };
  assert.deepEqual(read({ case: "discard", value: { error } }).outcome, { kind: "discard", error });
  const snooze = read({ case: "snooze", value: { delay: { seconds: 60n } } });
  assert.deepEqual([snooze.sent, snooze.outcome], ["snooze", { kind: "snooze", delayMs: 60_000 }]);
  assert.deepEqual(read({ case: "release", value: {} }).outcome, { kind: "release" });
  const cancel = read({ case: "cancel", value: { message: "x".repeat(9_000) } }).outcome;
  assert.equal(cancel.kind === "cancel" && cancel.message.length, limits.errorMessageBytesMax);
});

test("result / one without a lease or an outcome is a bad frame", () => {
  throwsCode("INVALID_NAME", () => read({ case: "release", value: {} }, { leaseId: "" }));
  const error = throwsCode("FRAME_INVALID", () => read({ case: undefined }));
  assert.equal(error.details.fields?.[0]?.path, "results[2].outcome");
});
