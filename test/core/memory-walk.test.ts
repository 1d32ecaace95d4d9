import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { transitions } from "../../src/core/transition.ts";
import { walk } from "./world/walk.ts";

const steps = fc.array(fc.record({ command: fc.nat(1_000), seed: fc.nat() }), { minLength: 40, maxLength: 120 });

test("memory / holds every invariant through random commands, and every job ends (I1-I17)", async () => {
  const moves = new Map<string, number>();
  const premises = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(steps, async (each) => {
      const report = await walk(each);
      for (const { from, move, to } of report.transitions) add(moves, `${from} ${move} ${to}`, 1);
      for (const [name, count] of Object.entries(report.evaluated)) add(premises, name, count);
    }),
    { numRuns: 250, seed: 20_260_101 },
  );
  const due = transitions.filter((row) => row.milestone <= 3).map((row) => `${row.from} ${row.move} ${row.to}`);
  assert.deepEqual(
    due.filter((key) => !moves.has(key)),
    [],
    "rows of the transition table that were never taken",
  );
  assert.deepEqual(
    [...moves.keys()].filter((key) => !due.includes(key)),
    [],
    "rows of later milestones that were taken",
  );
  const idle = [...premises].filter(([name, count]) => count < 100 && !name.startsWith("I1 every acknowledged"));
  assert.deepEqual(idle, [], "invariants that were hardly put to the test");
});

function add(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
