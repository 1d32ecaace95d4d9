import assert from "node:assert/strict";
import { test } from "node:test";
import { createIds } from "../../src/runtime/ids.ts";

test("ids / a UUID is of version 7, of its time, and rises within a millisecond and over a clock set back", () => {
  let now = Date.UTC(2026, 0, 1);
  const ids = createIds({ now: () => now });
  const made: string[] = [];
  for (let count = 0; count < 300_000; count += 1) {
    if (count === 100_000) now -= 5_000;
    if (count === 200_000) now += 10_000;
    made.push(ids.uuid());
  }
  assert.match(made[0] ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(Number.parseInt((made[0] ?? "").replaceAll("-", "").slice(0, 12), 16), Date.UTC(2026, 0, 1));
  assert.equal(
    made.every((id, index) => index === 0 || id > (made[index - 1] ?? "")),
    true,
  );
  assert.equal(
    made.every((id) => id.length === 36),
    true,
  );
});

test("ids / nonces do not repeat, and random numbers stay below 1", () => {
  const ids = createIds();
  const nonces = new Set(Array.from({ length: 10_000 }, () => ids.nonce()));
  assert.equal(nonces.size, 10_000);
  for (const nonce of nonces) assert.match(nonce, /^[0-9a-f]{32}$/);
  for (let count = 0; count < 1_000; count += 1) {
    const random = ids.random();
    assert.equal(random >= 0 && random < 1, true);
  }
});
