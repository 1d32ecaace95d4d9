import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { before, describe, test } from "node:test";
import { transitions } from "../../../src/core/transition.ts";
import { stable } from "../comparable.ts";
import { aimOf, named } from "./aims.ts";
import type { Command } from "./command.ts";
import { playSeed } from "./play-seed.ts";
import { replay, shrink } from "./random-sequence.ts";
import { playAllSequences } from "./run-all.ts";
import { openStage, type Stage, type StageName } from "./stage.ts";
import { noTotals, type Totals } from "./totals.ts";

export interface ModelProof {
  readonly stage: StageName;
  readonly sequences: number;
  /** How often each row of the transition table has to fire, and each invariant has to be put to the test, at the least. */
  readonly rowCountMin: number;
  readonly evaluatedMin: number;
  readonly heirsMin: number;
  /** Tests of what is particular to the stage. */
  readonly more: (totals: () => Totals) => void;
}

const changesMeanMin = 40;
/** Rows of later milestones must not fire. */
const milestone = 3;
const shrinkTries = 150;

/** Makes the tests that random sequences leave the model and the stage's store in the same state; or, with CONVEYOR_SEED (and CONVEYOR_CUT), of one sequence. */
export function proveModel(proof: ModelProof): void {
  const { stage } = proof;
  const replayed = process.env.CONVEYOR_SEED;
  if (replayed === undefined) proveAll(proof, randomInt(2 ** 31));
  else {
    test(`model / the sequence of seed ${replayed} leaves memory and ${stage} in the same state`, async () => {
      await onStage(stage, async (opened) => {
        const report = await playSeed({
          stage: opened,
          seed: Number(replayed),
          dumpEvery: 1,
          takeAim: named(process.env.CONVEYOR_CUT),
        });
        if (report.failure !== undefined) {
          assert.fail(await explained(opened, Number(replayed), report.failure, report.commands));
        }
      });
    });
  }
}

function proveAll({ stage, sequences, more, ...least }: ModelProof, baseSeed: number): void {
  describe(`model of ${stage}`, () => {
    let totals: Totals = noTotals();
    before(async () => {
      totals = await playAllSequences({ stage, baseSeed, sequences });
      console.log(summary(stage, baseSeed, totals));
    });

    test(`model / ${sequences} random sequences leave memory and ${stage} in the same state`, async () => {
      const [first] = totals.failures;
      if (first !== undefined) {
        await onStage(stage, async (opened) => {
          assert.fail(await explained(opened, first.seed, first.failure, first.commands));
        });
      }
      assert.equal(totals.sequences, sequences);
    });

    test(`model / a sequence has ${changesMeanMin} commands or more that changed something, in the mean [${stage}]`, () => {
      const mean = totals.changes / totals.sequences;
      assert.ok(mean >= changesMeanMin, `mean length ${mean}`);
    });

    test(`model / every row of the transition table that can be reached fired ${least.rowCountMin} times or more [${stage}]`, () => {
      const rare = rows(totals).filter((row) => row.milestone <= milestone && row.count < least.rowCountMin);
      assert.deepEqual(rare, []);
    });

    test(`model / no row of the transition table fired that belongs to a later milestone [${stage}]`, () => {
      const early = rows(totals).filter((row) => row.milestone > milestone && row.count > 0);
      assert.deepEqual(early, []);
    });

    test(`model / ${least.heirsMin} heirs or more were released, and as many skipped, cancelled and revived [${stage}]`, () => {
      const count = (moves: RegExp) =>
        rows(totals)
          .filter((row) => moves.test(row.name))
          .reduce((sum, row) => sum + row.count, 0);
      const heirs = {
        released: count(/^HELD_BARRIER release /),
        skipped: count(/^HELD_BARRIER skip /),
        cancelled: count(/^HELD_BARRIER cancel /),
        revived: count(/ revive HELD_BARRIER$/),
      };
      assert.ok(Math.min(...Object.values(heirs)) >= least.heirsMin, JSON.stringify(heirs));
    });

    test(`model / every invariant was put to the test ${least.evaluatedMin} times or more [${stage}]`, () => {
      const rare = Object.entries(totals.evaluated).filter(([, count]) => count < least.evaluatedMin);
      assert.deepEqual(rare, []);
    });

    more(() => totals);
  });
}

async function onStage(name: StageName, use: (stage: Stage) => Promise<void>): Promise<void> {
  const stage = await openStage(name);
  try {
    await use(stage);
  } finally {
    await stage.close();
  }
}

function rows(
  totals: Totals,
): readonly { readonly name: string; readonly milestone: number; readonly count: number }[] {
  return transitions.map(({ from, move, to, milestone: of }) => {
    const name = `${from} ${move} ${to}`;
    return { name, milestone: of, count: totals.transitions[name] ?? 0 };
  });
}

function summary(stage: StageName, baseSeed: number, totals: Totals): string {
  const { sequences: played, commands, changes, crashPoints, cuts, cutVerbs, seenVerbs, evaluated } = totals;
  const padded = (count: number, name: string) => `${String(count).padStart(8)}  ${name}`;
  return [
    `model proof of ${stage}, seeds from ${baseSeed}: ${played} sequences, ${commands} commands, ${changes} of them changed something`,
    `${(changes / played).toFixed(1)} changes a sequence; ${crashPoints} crash points with ${cuts} cuts`,
    ...rows(totals).map(({ name, milestone: of, count }) =>
      padded(count, of > milestone ? `${name} (milestone ${of})` : name),
    ),
    ...Object.entries(evaluated).map(([name, count]) => padded(count, name)),
    ...Object.entries(seenVerbs).map(([kind, count]) => padded(count, `${kind}, cut ${cutVerbs[kind] ?? 0} times`)),
  ].join("\n");
}

/** What went wrong, the fewest commands that show it, and how to see it again. */
async function explained(stage: Stage, seed: number, failure: string, commands: readonly Command[]): Promise<string> {
  const fewest = await shrink(stage, commands, shrinkTries);
  const { failure: again } = await replay(stage, fewest);
  const aim = aimOf(commands);
  return [
    `seed ${seed}: ${failure}`,
    `${fewest.length} of its ${commands.length} commands are enough (${again ?? "not reproduced by the commands alone"}):`,
    ...fewest.map((command) => stable(command, 0)),
    `again: CONVEYOR_SEED=${seed} ${aim === undefined ? "" : `CONVEYOR_CUT=${aim} `}npm test -- <this file>`,
  ].join("\n");
}
