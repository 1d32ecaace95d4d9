import assert from "node:assert/strict";
import { test } from "node:test";
import type { Totals } from "./totals.ts";

const cutsMin = 10;

/** Makes the tests that the faults of a run hit everything: each kind of statement, each moment, one cut a sequence. */
export function everyStatementWasCut(totals: () => Totals): void {
  test(`model / a connection was cut within every kind of statement, ${cutsMin} times or more`, () => {
    const { cutStatements, seenStatements } = totals();
    const rare = Object.keys(seenStatements).filter((kind) => (cutStatements[kind] ?? 0) < cutsMin);
    assert.deepEqual(rare, []);
  });

  test("model / a connection was cut in every sequence, before its statement or after", () => {
    const { cutStatements, sequences } = totals();
    const { before = 0, after = 0 } = cutStatements;
    assert.ok(before + after >= 0.9 * sequences, `${before + after} cuts`);
    assert.ok(Math.min(before, after) >= 0.3 * sequences, `${before} before, ${after} after`);
  });
}
