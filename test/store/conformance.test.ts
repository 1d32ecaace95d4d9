import assert from "node:assert/strict";
import { test } from "node:test";
import { allCases } from "./conformance/all-cases.ts";
import { powerCutCases } from "./conformance/power-cuts.ts";
import { runCases } from "./conformance/run-cases.ts";
import { memoryEngine } from "./engines/memory.ts";
import { sqliteEngine } from "./engines/sqlite.ts";

test("conformance / no two cases have the same name", () => {
  const names = [...allCases, ...powerCutCases].map((each) => each.name);
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

runCases({ engine: memoryEngine, cases: allCases });
runCases({ engine: sqliteEngine({ synchronous: "full" }), cases: [...allCases, ...powerCutCases] });
