import assert from "node:assert/strict";
import { test } from "node:test";
import type { Totals } from "./totals.ts";

const cutsMin = 10;

/** Makes the tests that the faults of a run hit everything: each verb, each moment, one cut a sequence. */
export function everyStatementWasCut(totals: () => Totals): void {
  test(`model / a connection was cut within every verb, ${cutsMin} times or more`, () => {
    const { cutVerbs, seenVerbs } = totals();
    const rare = Object.keys(seenVerbs).filter((kind) => (cutVerbs[kind] ?? 0) < cutsMin);
    assert.deepEqual(rare, []);
  });

  test("model / a connection was cut in every sequence, before its statement was there or after", () => {
    const { cutVerbs, sequences } = totals();
    const { before = 0, after = 0 } = cutVerbs;
    assert.ok(before + after >= 0.9 * sequences, `${before + after} cuts`);
    assert.ok(Math.min(before, after) >= 0.3 * sequences, `${before} before, ${after} after`);
  });
}
