import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { FieldMaskSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { JobState, type JobView } from "../../gen/conveyor/v1/job_pb.ts";
import { JobFilterSchema, ListJobsRequestSchema } from "../../gen/conveyor/v1/job_service_pb.ts";
import { QueueSettingsSchema } from "../../gen/conveyor/v1/queue_service_pb.ts";
import { ListChildResultsRequestSchema } from "../../gen/conveyor/v1/worker_service_pb.ts";
import {
  type BulkVerb,
  bulkFilterFromWire,
  childResultsQueryFromWire,
  jobFilterFromWire,
  pageSizeFromWire,
  viewFromWire,
} from "../../src/wire/list-filters.ts";
import { cursorOf, pageTokenOf } from "../../src/wire/page-token.ts";
import { queueChangeFromWire } from "../../src/wire/queue-change.ts";
import { throwsCode } from "./throws-code.ts";

const change = (settings: MessageInitShape<typeof QueueSettingsSchema>, paths?: readonly string[]) =>
  queueChangeFromWire(create(QueueSettingsSchema, settings), paths && create(FieldMaskSchema, { paths: [...paths] }));

test("queue change / without a mask what is set is set", () => {
  assert.deepEqual(change({ paused: true, maxConcurrency: 5, timeout: { seconds: 2n } }), {
    paused: true,
    maxConcurrency: 5,
    timeoutMs: 2_000,
  });
  assert.deepEqual(change({ crashLimit: 3 }, []), { crashLimit: 3 });
});

test("queue change / what the mask names and the settings lack is cleared", () => {
  const names = ["paused", "max_concurrency", "max_attempts", "backoff", "timeout", "crash_limit"];
  assert.deepEqual(change({ maxAttempts: 9 }, names), {
    paused: false,
    maxConcurrency: undefined,
    maxAttempts: 9,
    backoff: undefined,
    timeoutMs: undefined,
    crashLimit: undefined,
  });
  assert.deepEqual(change({ paused: true, maxAttempts: 9 }, ["max_attempts"]), { maxAttempts: 9 });
  assert.deepEqual(queueChangeFromWire(undefined, create(FieldMaskSchema, { paths: ["paused"] })), { paused: false });
});

test("queue change / a name that is no setting, a value out of range and a change of nothing are refused", () => {
  for (const name of ["name", "maxAttempts", "backoff.kind", "*", "", "__proto__", "constructor"]) {
    assert.match(throwsCode("INVALID_OPTION", () => change({}, [name])).message, /known are paused, max_concurrency/);
  }
  throwsCode("INVALID_OPTION", () => change({}));
  throwsCode("INVALID_OPTION", () => queueChangeFromWire(undefined, undefined));
  for (const settings of [
    { maxConcurrency: 0 },
    { maxConcurrency: 1_000_001 },
    { maxAttempts: 0 },
    { crashLimit: 0 },
    { crashLimit: 10_001 },
    { timeout: {} },
    { backoff: { jitter: -1 } },
  ]) {
    const error = throwsCode("INVALID_OPTION", () => change(settings));
    assert.match(error.details.fields?.[0]?.path ?? "", /^settings\./);
  }
});

const filter = (init: MessageInitShape<typeof ListJobsRequestSchema>) =>
  jobFilterFromWire(create(ListJobsRequestSchema, init));

test("filter / what is empty is not asked for, a state named twice counts once", () => {
  assert.deepEqual(filter({}), {
    rootId: undefined,
    parentId: undefined,
    queue: undefined,
    type: undefined,
    states: [],
    includeChainFailed: true,
    errorFingerprint: undefined,
  });
  const { DEAD, READY } = JobState;
  const full = filter({
    rootId: "r",
    parentId: "p",
    queue: "q",
    type: "a.B",
    states: [DEAD, READY, DEAD],
    errorFingerprint: "f00",
  });
  assert.deepEqual(full, {
    rootId: "r",
    parentId: "p",
    queue: "q",
    type: "a.B",
    states: ["DEAD", "READY"],
    includeChainFailed: true,
    errorFingerprint: "f00",
  });
});

test("filter / dead jobs alone leave out those whose chain failed, unless asked for", () => {
  assert.equal(filter({ states: [JobState.DEAD] }).includeChainFailed, false);
  assert.equal(filter({ states: [JobState.DEAD], includeChainFailed: true }).includeChainFailed, true);
});

test("filter / what is wrong is refused", () => {
  throwsCode("INVALID_NAME", () => filter({ rootId: "\n" }));
  throwsCode("INVALID_NAME", () => filter({ parentId: "x".repeat(129) }));
  throwsCode("INVALID_NAME", () => filter({ queue: "A" }));
  throwsCode("INVALID_NAME", () => filter({ type: "a-b" }));
  throwsCode("INVALID_OPTION", () => filter({ states: [JobState.UNSPECIFIED] }));
  throwsCode("INVALID_OPTION", () => filter({ states: [JobState.DEAD, 99 as JobState] }));
  throwsCode("INVALID_NAME", () => childResultsQueryFromWire(create(ListChildResultsRequestSchema, {})));
});

test("filter / one for many jobs says which, and keeps to states that the verb is for", () => {
  const bulk = (verb: BulkVerb, init: MessageInitShape<typeof JobFilterSchema>) =>
    bulkFilterFromWire(create(JobFilterSchema, init), verb);
  for (const empty of [{}, { includeChainFailed: true }]) {
    for (const verb of ["cancel", "retry", "delete"] as const) throwsCode("INVALID_OPTION", () => bulk(verb, empty));
  }
  throwsCode("INVALID_OPTION", () => bulkFilterFromWire(undefined, "delete"));
  assert.deepEqual(bulk("retry", { queue: "q" })?.states, ["DEAD"]);
  assert.equal(bulk("retry", { queue: "q" })?.includeChainFailed, false);
  assert.equal(bulk("retry", { queue: "q", includeChainFailed: true })?.includeChainFailed, true);
  assert.deepEqual(bulk("delete", { queue: "q" })?.states, ["COMPLETED", "DEAD", "CANCELLED"]);
  assert.deepEqual(bulk("cancel", { states: [JobState.DEAD, JobState.READY] })?.states, ["READY"]);
  assert.equal(bulk("cancel", { states: [JobState.DEAD] }), undefined);
  const error = throwsCode("INVALID_NAME", () => bulk("cancel", { queue: "A" }));
  assert.equal(error.details.fields?.[0]?.path, "filter.queue");
});

test("filter / views and page sizes have their defaults and bounds", () => {
  assert.deepEqual(
    [0, 1, 2].map((view) => viewFromWire(view as JobView, "FULL")),
    ["FULL", "BASIC", "FULL"],
  );
  throwsCode("INVALID_OPTION", () => viewFromWire(3 as JobView, "FULL"));
  assert.deepEqual(
    [0, 1, 1_000].map((size) => pageSizeFromWire(size, 100)),
    [100, 1, 1_000],
  );
  for (const size of [-1, 1_001, 2 ** 31 - 1]) throwsCode("INVALID_OPTION", () => pageSizeFromWire(size, 100));
});

test("page token / a cursor comes back, but only for the same request", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string(), fc.string(), (cursor, mine, other) => {
      const token = pageTokenOf(cursor, mine);
      assert.match(token, /^[\w-]+$/);
      assert.equal(cursorOf(token, mine), cursor);
      if (other !== mine) throwsCode("BAD_TOKEN", () => cursorOf(token, other));
    }),
  );
  assert.equal(pageTokenOf(undefined, "f"), "");
  assert.equal(cursorOf("", "f"), undefined);
});

test("page token / any other text is BAD_TOKEN", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: "binary" }), (text) => {
      throwsCode("BAD_TOKEN", () => cursorOf(text, "f"));
    }),
  );
  throwsCode("BAD_TOKEN", () => cursorOf("A".repeat(100_000), "f"));
});
