import { memoryEngine } from "../engines/memory.ts";
import type { Command } from "./command.ts";
import type { Fault } from "./fault.ts";
import type { Random } from "./random.ts";
import { randomFrom } from "./random.ts";
import { playRandom } from "./random-sequence.ts";

/** One fault, and the command of a sequence within which it happens. */
export interface FaultPlan {
  readonly index: number;
  readonly fault: Fault;
}

// About how often a command of this kind is met in a sequence: the rarer, the likelier it is cut, so that all are cut often.
const meetings: Readonly<Record<Command["kind"], number>> = {
  commit: 30,
  openSession: 3,
  resume: 0.4,
  detach: 0.2,
  close: 0.3,
  promote: 7,
  propagate: 4,
  cascade: 4,
  reap: 2,
  updateQueue: 4,
  read: 0.3,
};

const readStatements = 10;

/** What is to go wrong in the sequence of a seed, and where; the model tells which commands there are. */
export async function planFaults(
  seed: number,
  { flushes }: { readonly flushes: boolean },
): Promise<readonly FaultPlan[]> {
  const { commands } = await playRandom({ engine: memoryEngine, seed, dumpEvery: Number.MAX_SAFE_INTEGER });
  const random = randomFrom(seed ^ 0x5eed);
  const index = anyIndex(random, commands);
  const skip = commands[index]?.kind === "read" ? random.int(0, readStatements) : 0;
  const cut: FaultPlan = { index, fault: { kind: "cut", moment: random.pick(["before", "after"]), skip } };
  if (!flushes) return [cut];
  const flush: FaultPlan = { index: random.int(0, commands.length - 1), fault: { kind: "flush" } };
  return flush.index === index ? [cut] : [cut, flush];
}

/** A kind first, then one of its commands. */
function anyIndex(random: Random, commands: readonly Command[]): number {
  const kinds = [...new Set(commands.map((each) => each.kind))];
  const kind = random.weighted(kinds.map((each) => [1 / meetings[each], each] as const));
  return random.pick(commands.flatMap((each, index) => (each.kind === kind ? [index] : [])));
}
