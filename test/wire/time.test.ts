import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { DurationSchema, TimestampSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { limits } from "../../src/core/limits.ts";
import {
  checkedDurationMs,
  checkedTimestampMs,
  durationToMs,
  msToDuration,
  msToTimestamp,
  timestampToMs,
} from "../../src/wire/time.ts";
import { throwsCode } from "./throws-code.ts";

const duration = (seconds: bigint, nanos = 0) => create(DurationSchema, { seconds, nanos });
const timestamp = (seconds: bigint, nanos = 0) => create(TimestampSchema, { seconds, nanos });

test("time / whole milliseconds come back the same", () => {
  fc.assert(
    fc.property(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), (ms) => {
      const wire = msToTimestamp(ms);
      assert.ok(wire.nanos >= 0 && wire.nanos < 1e9);
      assert.equal(timestampToMs(wire), ms);
    }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: limits.delayMsMax }), (ms) =>
      assert.equal(durationToMs(msToDuration(ms)), ms),
    ),
  );
});

test("time / fractions of a millisecond survive within a nanosecond", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1e9, noNaN: true }), (ms) => {
      const { seconds, nanos } = msToDuration(ms);
      assert.ok(nanos >= 0 && nanos <= 999_999_999, `${nanos}`);
      assert.ok(Math.abs(Number(seconds) * 1_000 + nanos / 1e6 - ms) < 1e-3);
    }),
  );
});

test("time / parts of a millisecond are rounded up, so that nothing starts early", () => {
  assert.equal(durationToMs(duration(0n, 1)), 1);
  assert.equal(durationToMs(duration(1n, 999_000_001)), 2_000);
  assert.equal(timestampToMs(timestamp(5n, 1_000_001)), 5_002);
  assert.equal(timestampToMs(timestamp(-1n, 500_000_001)), -499);
});

test("time / a span that is none, negative or out of range is INVALID_OPTION with its path", () => {
  const bounds = { path: "job.timeout", msMin: 1, msMax: 60_000 };
  assert.equal(checkedDurationMs(duration(60n), bounds), 60_000);
  assert.equal(checkedDurationMs(duration(0n, 1), bounds), 1);
  for (const wrong of [
    duration(60n, 1),
    duration(0n),
    duration(-1n),
    duration(0n, -1),
    duration(1n, -1),
    duration(-1n, 1),
    duration(0n, 1_000_000_000),
    duration(2n ** 63n - 1n),
    duration(-(2n ** 63n)),
  ]) {
    const error = throwsCode("INVALID_OPTION", () => checkedDurationMs(wrong, bounds));
    assert.match(error.message, /^job\.timeout: /);
    assert.equal(error.details.fields?.[0]?.path, "job.timeout");
  }
});

test("time / a run time may be long past, and at most ten years ahead", () => {
  const bounds = { path: "job.run_time", nowMs: 1_000_000 };
  assert.equal(checkedTimestampMs(timestamp(0n), bounds), 0);
  assert.equal(checkedTimestampMs(timestamp(-62_135_596_800n), bounds), -62_135_596_800_000);
  assert.equal(checkedTimestampMs(timestamp(BigInt(limits.delayMsMax / 1_000)), bounds), limits.delayMsMax);
  for (const wrong of [
    timestamp(BigInt(limits.delayMsMax / 1_000 + 1_001)),
    timestamp(-62_135_596_801n),
    timestamp(253_402_300_800n, 1),
    timestamp(0n, -1),
    timestamp(0n, 1_000_000_000),
    timestamp(2n ** 63n - 1n),
  ]) {
    throwsCode("INVALID_OPTION", () => checkedTimestampMs(wrong, bounds));
  }
});
