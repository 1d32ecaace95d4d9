import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { before, describe, test } from "node:test";
import { transitions } from "../../src/core/transition.ts";
import { stable } from "./comparable.ts";
import { sqliteEngine } from "./engines/sqlite.ts";
import { playRandom, replay, shrink } from "./model/random-sequence.ts";
import { playAllSequences } from "./model/run-all.ts";
import { noTotals, type Totals } from "./model/totals.ts";

// The numbers of milestone 1's acceptance D.
const sequences = 2_000;
const changesMeanMin = 40;
const rowCountMin = 50;
const heirsMin = 100;
const crashPointsMin = 500;
const evaluatedMin = 100;
const milestone = 1;
const shrinkTries = 150;

const replayed = process.env.CONVEYOR_SEED;

if (replayed === undefined) proof(randomInt(2 ** 31));
else {
  test(`model / the sequence of seed ${replayed} leaves memory and SQLite in the same state`, async () => {
    const engine = sqliteEngine({ synchronous: "off" });
    const report = await playRandom({ engine, seed: Number(replayed), dumpEvery: 1 });
    if (report.failure !== undefined) assert.fail(await explained(Number(replayed), report.failure, report.commands));
  });
}

function proof(baseSeed: number): void {
  describe("model", () => {
    let totals: Totals = noTotals();
    before(async () => {
      totals = await playAllSequences(baseSeed, sequences);
      console.log(summary(baseSeed, totals));
    });

    test(`model / ${sequences} random sequences with power cuts leave memory and SQLite in the same state`, async () => {
      const [first] = totals.failures;
      if (first !== undefined) assert.fail(await explained(first.seed, first.failure, first.commands));
      assert.equal(totals.sequences, sequences);
    });

    test(`model / a sequence has ${changesMeanMin} commands or more that changed something, in the mean`, () => {
      const mean = totals.changes / totals.sequences;
      assert.ok(mean >= changesMeanMin, `mean length ${mean}`);
    });

    test(`model / every row of the transition table that can be reached fired ${rowCountMin} times or more`, () => {
      const rare = rows(totals).filter((row) => row.milestone <= milestone && row.count < rowCountMin);
      assert.deepEqual(rare, []);
    });

    test("model / no row of the transition table fired that belongs to a later milestone", () => {
      const early = rows(totals).filter((row) => row.milestone > milestone && row.count > 0);
      assert.deepEqual(early, []);
    });

    test(`model / ${heirsMin} heirs or more were released, and as many skipped`, () => {
      const of = (move: string) =>
        rows(totals)
          .filter((row) => row.name.startsWith(`HELD_BARRIER ${move} `))
          .reduce((sum, row) => sum + row.count, 0);
      assert.ok(
        of("release") >= heirsMin && of("skip") >= heirsMin,
        `${of("release")} released, ${of("skip")} skipped`,
      );
    });

    test(`model / the power was cut within ${crashPointsMin} commits or more, at every frame of their logs`, () => {
      assert.ok(totals.crashPoints >= crashPointsMin, `${totals.crashPoints} crash points`);
      assert.ok(totals.cuts >= 3 * totals.crashPoints, `${totals.cuts} cuts`);
    });

    test(`model / every invariant was put to the test ${evaluatedMin} times or more`, () => {
      const rare = Object.entries(totals.evaluated).filter(([, count]) => count < evaluatedMin);
      assert.deepEqual(rare, []);
    });
  });
}

function rows(
  totals: Totals,
): readonly { readonly name: string; readonly milestone: number; readonly count: number }[] {
  return transitions.map(({ from, move, to, milestone: of }) => {
    const name = `${from} ${move} ${to}`;
    return { name, milestone: of, count: totals.transitions[name] ?? 0 };
  });
}

function summary(baseSeed: number, totals: Totals): string {
  const { sequences: played, commands, changes, crashPoints, cuts, evaluated } = totals;
  return [
    `model proof, seeds from ${baseSeed}: ${played} sequences, ${commands} commands, ${changes} of them changed something`,
    `${(changes / played).toFixed(1)} changes a sequence; ${crashPoints} crash points with ${cuts} cuts`,
    ...rows(totals).map((row) => {
      const later = row.milestone > milestone ? ` (milestone ${row.milestone})` : "";
      return `${String(row.count).padStart(8)}  ${row.name}${later}`;
    }),
    ...Object.entries(evaluated).map(([name, count]) => `${String(count).padStart(8)}  ${name}`),
  ].join("\n");
}

/** What went wrong, the fewest commands that show it, and how to see it again. */
async function explained(seed: number, failure: string, commands: Parameters<typeof replay>[1]): Promise<string> {
  const engine = sqliteEngine({ synchronous: "off" });
  const fewest = await shrink(engine, commands, shrinkTries);
  const { failure: again } = await replay(engine, fewest);
  return [
    `seed ${seed}: ${failure}`,
    `${fewest.length} of its ${commands.length} commands are enough (${again ?? "not reproduced by the commands alone"}):`,
    ...fewest.map((command) => stable(command, 0)),
    `again: CONVEYOR_SEED=${seed} npm test -- test/store/model.test.ts`,
  ].join("\n");
}
