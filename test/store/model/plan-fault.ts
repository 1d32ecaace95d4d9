import { memoryEngine } from "../engines/memory.ts";
import type { Command } from "./command.ts";
import { type Fault, type ReadVerb, readVerbs } from "./fault.ts";
import { nobody } from "./generate-settles.ts";
import { type Random, randomFrom } from "./random.ts";
import { playRandom } from "./random-sequence.ts";

/** One fault, and the command of a sequence within which it happens. */
export interface FaultPlan {
  readonly index: number;
  /** A read that the sequence would not have stands there. */
  readonly isExtraRead: boolean;
  readonly fault: Fault;
}

/** What a cut can be aimed at: a kind of command, or one verb of a read. */
export type Aim = Exclude<Command["kind"], "read"> | ReadVerb;

/** Of the aims that a sequence has, the one to take. */
export type TakeAim = (aims: readonly Aim[], random: Random) => Aim;

/** What is to go wrong in the sequence of a seed, and where; the model tells which commands there are. */
export async function planFaults(seed: number, takeAim: TakeAim): Promise<readonly FaultPlan[]> {
  const { commands } = await playRandom({ engine: memoryEngine, seed, dumpEvery: Number.MAX_SAFE_INTEGER });
  const random = randomFrom(seed ^ 0x5eed);
  const flush: FaultPlan = { index: random.int(0, commands.length - 1), isExtraRead: false, fault: { kind: "flush" } };
  const cut = aimedCut(random, commands, takeAim(aimsIn(commands), random));
  return flush.index === cut.index ? [cut] : [cut, flush];
}

/** A read can be added to any sequence: it changes nothing. */
function aimsIn(commands: readonly Command[]): readonly Aim[] {
  const kinds = new Set(commands.filter(asksServer).map((each) => each.kind));
  return [...[...kinds].filter((each) => each !== "read"), ...readVerbs];
}

/** Whether a store must ask its server: a lease id can show by itself that it is not one of the store. */
function asksServer(command: Command): boolean {
  if (command.kind !== "stage" && command.kind !== "report") return true;
  return command.items.some(({ lease }) => lease !== nobody);
}

function aimedCut(random: Random, commands: readonly Command[], aim: Aim): FaultPlan {
  const moment = random.pick(["before", "after"] as const);
  const verb = readVerbs.find((each) => each === aim);
  if (verb !== undefined) {
    // Not at the start, when there is nothing to read yet.
    const index = random.int(Math.floor(commands.length / 3), commands.length - 1);
    return { index, isExtraRead: true, fault: { kind: "cut", moment, of: verb } };
  }
  const index = random.pick(commands.flatMap((each, at) => (each.kind === aim && asksServer(each) ? [at] : [])));
  return { index, isExtraRead: false, fault: { kind: "cut", moment } };
}
