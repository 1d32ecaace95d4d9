import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backoffMs, jitterOf } from "../../src/core/backoff.ts";
import type { BackoffPolicy } from "../../src/core/job.ts";
import { limits } from "../../src/core/limits.ts";

const policies: fc.Arbitrary<BackoffPolicy> = fc.record({
  kind: fc.constantFrom("EXPONENTIAL", "LINEAR", "FIXED"),
  initialMs: fc.integer({ min: 0, max: limits.backoffMsMax }),
  maxMs: fc.integer({ min: 1, max: limits.backoffMsMax }),
  multiplier: fc.double({ min: 1, max: 100, noNaN: true }),
  jitter: fc.double({ min: 0, max: 1, noNaN: true }),
});
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const failures = fc.integer({ min: 1, max: limits.attemptsMax });

test("back-off / is a whole number from 1 to the policy's longest wait, whatever the policy", () => {
  fc.assert(
    fc.property(policies, failures, randoms, (policy, count, random) => {
      const waitMs = backoffMs(policy, count, random);
      assert.ok(Number.isSafeInteger(waitMs) && waitMs >= 1 && waitMs <= policy.maxMs, String(waitMs));
    }),
  );
});

test("back-off / never shrinks from failure to failure without jitter", () => {
  fc.assert(
    fc.property(policies, failures, (policy, count) => {
      const steady = { ...policy, jitter: 0 };
      assert.ok(backoffMs(steady, count + 1, 0) >= backoffMs(steady, count, 0));
    }),
  );
});

test("back-off / grows by kind up to its cap", () => {
  const base = { initialMs: 1_000, maxMs: 5_000, multiplier: 2, jitter: 0 };
  const waits = (kind: BackoffPolicy["kind"]) =>
    [1, 2, 3, 4, 60].map((count) => backoffMs({ ...base, kind }, count, 0));
  assert.deepEqual(waits("EXPONENTIAL"), [1_000, 2_000, 4_000, 5_000, 5_000]);
  assert.deepEqual(waits("LINEAR"), [1_000, 2_000, 3_000, 4_000, 5_000]);
  assert.deepEqual(waits("FIXED"), [1_000, 1_000, 1_000, 1_000, 1_000]);
});

test("back-off / of a first wait of nothing stays at the least wait, however many failures", () => {
  const policy = { kind: "EXPONENTIAL", initialMs: 0, maxMs: 5_000, multiplier: 2, jitter: 1 } as const;
  for (const count of [1, 2, limits.attemptsMax]) assert.equal(backoffMs(policy, count, 0.5), 1);
});

test("back-off / full jitter spreads over the whole wait, half over its upper half", () => {
  const base = { kind: "FIXED", initialMs: 1_000, maxMs: 5_000, multiplier: 1 } as const;
  assert.equal(backoffMs({ ...base, jitter: 1 }, 1, 0), 1_000);
  assert.equal(backoffMs({ ...base, jitter: 1 }, 1, 0.999999), 1);
  assert.equal(backoffMs({ ...base, jitter: 0.5 }, 1, 0.999999), 500);
});

test("back-off / a usable wait that the handler asks for is taken, any other is not (30)", () => {
  const policy = { kind: "FIXED", initialMs: 10, maxMs: 10, multiplier: 1, jitter: 0 } as const;
  assert.equal(backoffMs(policy, 1, 0, 1.4), 1);
  assert.equal(backoffMs(policy, 1, 0, 0.2), 1);
  assert.equal(backoffMs(policy, 1, 0, limits.backoffMsMax), limits.backoffMsMax);
  for (const asked of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, limits.backoffMsMax + 1]) {
    assert.equal(backoffMs(policy, 1, 0, asked), 10);
  }
});

test("jitter / of a batch stays in range and spreads", () => {
  fc.assert(
    fc.property(randoms, fc.nat(100_000), (seed, index) => {
      const value = jitterOf(seed, index);
      assert.ok(value >= 0 && value < 1);
    }),
  );
  const tenths = new Set(Array.from({ length: 20 }, (_, index) => Math.floor(jitterOf(0.5, index) * 10)));
  assert.equal(tenths.size, 10);
});
