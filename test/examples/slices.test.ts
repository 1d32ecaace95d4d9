import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Entry } from "../../examples/manifest/folder-entries.ts";
import { slicesOf, within } from "../../examples/manifest/slices.ts";

const whole = { above: "", through: "" };

function files(names: Iterable<string>): readonly Entry[] {
  return [...new Set(names)].sort().map((name) => ({ name, kind: "file" as const }));
}

test("slices / a small folder is one slice", () => {
  assert.deepEqual(slicesOf(files(["a", "b"]), whole, 100), [whole]);
  assert.deepEqual(slicesOf([], whole, 100), [whole]);
});

test("slices / every entry lies in exactly one slice, also those that come later", () => {
  const name = fc.string({ minLength: 1, maxLength: 30, unit: "binary-ascii" });
  fc.assert(
    fc.property(
      fc.uniqueArray(name, { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 0, max: 500_000 }),
      name,
      (names, pathBytes, late) => {
        const slices = slicesOf(files(names), whole, pathBytes);
        for (const each of [...names, late]) {
          const holding = slices.filter((slice) => within(files([each]), slice).length === 1);
          assert.equal(holding.length, 1, JSON.stringify(each));
        }
      },
    ),
  );
});

test("slices / each is small enough for one result, or is made smaller by slicing it again", () => {
  const entries = files(Array.from({ length: 5_000 }, (_, index) => `${index}`.padStart(200, "0")));
  for (const pathBytes of [10, 4_000]) {
    let widest = 0;
    const descend = (slice: typeof whole, depth: number): void => {
      const inside = within(entries, slice);
      const parts = slicesOf(inside, slice, pathBytes);
      widest = Math.max(widest, parts.length === 1 ? inside.length : parts.length);
      assert.ok(depth < 4);
      if (parts.length === 1) assert.ok(inside.length * (250 + pathBytes + 200) <= 1024 * 1024);
      else for (const part of parts) descend(part, depth + 1);
    };
    descend(whole, 0);
    assert.ok(widest <= 2_000);
  }
});
