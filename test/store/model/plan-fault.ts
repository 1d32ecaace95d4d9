import { memoryEngine } from "../engines/memory.ts";
import type { Command } from "./command.ts";
import { type Fault, readVerbs } from "./fault.ts";
import { type Random, randomFrom } from "./random.ts";
import { playRandom } from "./random-sequence.ts";

/** One fault, and the command of a sequence within which it happens. */
export interface FaultPlan {
  readonly index: number;
  /** A read that the sequence would not have stands there. */
  readonly isExtraRead: boolean;
  readonly fault: Fault;
}

type Written = Exclude<Command["kind"], "read">;

// How much rather than others a kind of command is cut where there is one: so that those that few sequences have are cut often, too.
const weights: Readonly<Record<Written, number>> = {
  commit: 3,
  openSession: 1,
  resume: 3,
  detach: 5,
  close: 4,
  promote: 1.5,
  propagate: 2,
  cascade: 2,
  reap: 2.5,
  updateQueue: 1.5,
};

/** What is to go wrong in the sequence of a seed, and where; the model tells which commands there are. */
export async function planFaults(seed: number): Promise<readonly FaultPlan[]> {
  const { commands } = await playRandom({ engine: memoryEngine, seed, dumpEvery: Number.MAX_SAFE_INTEGER });
  const random = randomFrom(seed ^ 0x5eed);
  const cut = anyCut(random, commands);
  const flush: FaultPlan = { index: random.int(0, commands.length - 1), isExtraRead: false, fault: { kind: "flush" } };
  return flush.index === cut.index ? [cut] : [cut, flush];
}

function anyCut(random: Random, commands: readonly Command[]): FaultPlan {
  const moment = random.pick(["before", "after"] as const);
  // Every verb gets its part of all cuts.
  if (random.chance(readVerbs.length / (readVerbs.length + Object.keys(weights).length))) {
    const index = random.int(Math.floor(commands.length / 4), commands.length - 1);
    return { index, isExtraRead: true, fault: { kind: "cut", moment, of: random.pick(readVerbs) } };
  }
  const kinds = [...new Set(commands.map((each) => each.kind))].filter((each) => each !== "read");
  const kind = random.weighted(kinds.map((each) => [weights[each], each] as const));
  const index = random.pick(commands.flatMap((each, at) => (each.kind === kind ? [at] : [])));
  return { index, isExtraRead: false, fault: { kind: "cut", moment } };
}
