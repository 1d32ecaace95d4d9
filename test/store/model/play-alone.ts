import type { StoreDump } from "../../../src/store/dump.ts";
import { checkInvariants } from "../../../src/store/invariants.ts";
import { checkStep, type LeaseLedger } from "../../../src/store/step-invariants.ts";
import { stable } from "../comparable.ts";
import type { Engine } from "../engine.ts";
import type { Command } from "./command.ts";
import { perform, sideOf } from "./perform.ts";
import { commandsOf } from "./random-sequence.ts";
import { defaults, kept, retention } from "./sequence.ts";
import { newView, see } from "./view.ts";

/**
 * Plays random commands on a store without the model beside it, for engines that are free to take jobs in another order:
 * what they do must keep every invariant, at every step, and come to its end. Undefined: it does.
 */
export async function playAlone(engine: Engine, seed: number): Promise<string | undefined> {
  const view = newView(1_750_000_000_000);
  const opened = await engine.open({ defaults, retention, clock: () => view.now });
  const side = sideOf(opened.store);
  const ledger: LeaseLedger = new Map();
  const next = commandsOf(seed);
  const played: Command[] = [];
  try {
    for (;;) {
      const command = next(view);
      if (command === undefined)
        return told(
          violationsIn({ before: view.dump, after: view.dump, ledger, now: view.now, drained: true }),
          played,
        );
      played.push(command);
      view.now += command.advanceMs;
      const before = view.dump;
      const answer = await perform(side, command);
      see(view, command, answer, await side.store.dump());
      const wrong = told(
        violationsIn({ before, after: view.dump, ledger, now: view.now, drained: false, command }),
        played,
      );
      if (wrong !== undefined) return wrong;
    }
  } finally {
    await opened.discard();
  }
}

interface Played {
  readonly before: StoreDump;
  readonly after: StoreDump;
  readonly ledger: LeaseLedger;
  readonly now: number;
  readonly drained: boolean;
  readonly command?: Command;
}

function violationsIn({ before, after, ledger, now, drained, command }: Played): readonly string[] {
  const acknowledged = kept(before, command);
  return [
    ...checkInvariants(after, { now, acknowledged, drained }).violations,
    ...checkStep(before, after, ledger).violations,
  ];
}

function told(violations: readonly string[], played: readonly Command[]): string | undefined {
  if (violations.length === 0) return undefined;
  return [...violations, "after", ...played.map((each) => stable(each, 0))].join("\n");
}
