import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpan } from "../../src/core/span.ts";
import { failing } from "./failing.ts";

test("span / milliseconds or text with units", () => {
  const cases: readonly (readonly [string | number, number])[] = [
    [0, 0],
    [1.5, 1.5],
    ["250ms", 250],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["1.5d", 129_600_000],
    ["2s5ms", 2_005],
  ];
  for (const [span, ms] of cases) assert.equal(parseSpan(span, "delay"), ms, String(span));
});

test("span / anything else is refused by name", () => {
  const bad = [-1, Number.NaN, Number.POSITIVE_INFINITY, "", "5", "m", "5 m", "-5m", "5m!", "1e3s", "999999999d"];
  for (const span of [...bad, null as never, {} as never, [] as never]) {
    assert.throws(() => parseSpan(span, "delay"), failing("INVALID_OPTION", "delay"), String(span));
  }
  assert.throws(() => parseSpan("2s", "timeout", 1_000), failing("INVALID_OPTION", "1000"));
});
