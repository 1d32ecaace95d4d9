import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { checkInvariants } from "../../../src/store/invariants.ts";
import type { Engine } from "../engine.ts";
import type { Case } from "./case.ts";
import { openWorld } from "./world.ts";

export interface CaseRun {
  readonly engine: Engine;
  readonly cases: readonly Case[];
  /** Cases at a time, for engines that mostly wait for a server. */
  readonly concurrency?: number;
}

/** Makes a test of each case on this engine, and prints how many were executed. */
export function runCases({ engine, cases, concurrency = 1 }: CaseRun): void {
  const executed = { passed: 0, skipped: 0 };
  describe(`conformance of ${engine.name}`, { concurrency }, () => {
    for (const each of cases) {
      const reason = skipReason(engine, each);
      if (reason !== undefined) executed.skipped += 1;
      test(`${each.name} [${engine.name}]`, { skip: reason ?? false }, async () => {
        await runCase(engine, each);
        executed.passed += 1;
      });
    }
    after(() => {
      const { passed, skipped } = executed;
      console.log(`${engine.name}: ${passed} of ${cases.length} cases executed and passed, ${skipped} skipped`);
    });
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
