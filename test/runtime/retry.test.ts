import assert from "node:assert/strict";
import { test } from "node:test";
import { ConveyorError } from "../../src/core/errors.ts";
import { retryUnavailable } from "../../src/runtime/retry.ts";

/** Fails `failures` times, then answers; the waits are as long as they may be. */
async function tries(failures: number, options: { readonly places?: number; readonly boundMs?: number }) {
  const at: number[] = [];
  const startedAt = performance.now();
  const work = async () => {
    at.push(performance.now() - startedAt);
    if (at.length <= failures) throw new ConveyorError("BROKER_UNREACHABLE", "away");
  };
  const outcome = await retryUnavailable(work, { boundMs: 60_000, random: () => 0.99, ...options }).then(
    () => "done",
    (error: ConveyorError) => error.code,
  );
  return { at, outcome };
}

test("retry / with several places it waits only after all of them have failed", async () => {
  const { at, outcome } = await tries(4, { places: 3 });
  assert.equal(outcome, "done");
  assert.equal(at.length, 5);
  const waits = at.slice(1).map((ms, index) => ms - (at[index] ?? 0) >= 50);
  assert.deepEqual(waits, [false, false, true, false]);
});

test("retry / with one place it waits after each failure", async () => {
  const { at } = await tries(2, {});
  assert.deepEqual(
    at.slice(1).map((ms, index) => ms - (at[index] ?? 0) >= 50),
    [true, true],
  );
});

test("retry / gives up when the bound is over, at whatever place", async () => {
  const { outcome } = await tries(1_000, { places: 2, boundMs: 150 });
  assert.equal(outcome, "BROKER_UNREACHABLE");
});
