import assert from "node:assert/strict";
import { after, test } from "node:test";
import { checkInvariants } from "../../src/store/invariants.ts";
import { allCases } from "./conformance/all-cases.ts";
import type { Case } from "./conformance/case.ts";
import { openWorld } from "./conformance/world.ts";
import type { Engine } from "./engine.ts";
import { memoryEngine } from "./engines/memory.ts";
import { sqliteEngine } from "./engines/sqlite.ts";

const engines: readonly Engine[] = [memoryEngine, sqliteEngine({ synchronous: "full" })];

test("conformance / no two cases have the same name", () => {
  const names = allCases.map((each) => each.name);
  assert.deepEqual(
    names.filter((name, index) => names.indexOf(name) !== index),
    [],
  );
});

for (const engine of engines) {
  const executed = { passed: 0, skipped: 0 };
  for (const each of allCases) {
    const reason = skipReason(engine, each);
    if (reason !== undefined) executed.skipped += 1;
    test(`${each.name} [${engine.name}]`, { skip: reason ?? false }, async () => {
      await runCase(engine, each);
      executed.passed += 1;
    });
  }
  after(() => {
    console.log(`${engine.name}: ${executed.passed} of ${allCases.length} cases passed, ${executed.skipped} skipped`);
  });
}

function skipReason(engine: Engine, each: Case): string | undefined {
  return each.needs?.map((need) => engine.lacks[need]).find((reason) => reason !== undefined);
}

async function runCase(engine: Engine, each: Case): Promise<void> {
  const world = await openWorld(engine);
  try {
    await each.run(world);
    if (each.breaksInvariants === undefined) assert.deepEqual(checkInvariants(await world.store.dump()).violations, []);
  } finally {
    await world.close();
  }
}
