import type { Engine } from "../engine.ts";
import type { Command } from "./command.ts";
import type { FaultyEngine } from "./fault.ts";
import { anyCommand, anyRead, anyRetry, drainCommand, isDrained } from "./generate.ts";
import type { FaultPlan } from "./plan-fault.ts";
import { randomFrom } from "./random.ts";
import { playSequence, type Report } from "./sequence.ts";
import type { Stage } from "./stage.ts";
import { inState, type View } from "./view.ts";

/** Commands of a sequence before it is brought to its end. */
const commandsBeforeDrain = 32;
const drainRoundsMax = 400;
const cutShare = 0.014;

export interface RandomSequence {
  readonly engine: Engine;
  readonly faulty?: FaultyEngine | undefined;
  /** At most one for a command. */
  readonly faults?: readonly FaultPlan[];
  readonly seed: number;
  readonly dumpEvery: number;
}

/** Plays the sequence of this seed: random commands, then everything to its end. */
export async function playRandom({ engine, faulty, faults = [], seed, dumpEvery }: RandomSequence): Promise<Report> {
  const nextCommand = commandsOf(seed);
  let played = 0;
  const next = (view: View): Command | undefined => {
    const planned = faults.find((each) => each.index === played);
    played += 1;
    const command = planned?.isExtraRead ? anyRead(randomFrom(seed + 1), view) : nextCommand(view);
    return command === undefined || planned === undefined ? command : { ...command, fault: planned.fault };
  };
  return playSequence({ engine, faulty, next, dumpEvery, drained: true });
}

/** The commands of this seed, one after the other; undefined: everything has come to its end. */
export function commandsOf(seed: number): (view: View) => Command | undefined {
  const random = randomFrom(seed);
  let made = 0;
  let rounds = 0;
  let isRevived = false;
  return (view) => {
    made += 1;
    if (made <= commandsBeforeDrain) {
      const command = anyCommand(random, view);
      return command.kind !== "read" && random.chance(cutShare) ? { ...command, cut: true } : command;
    }
    if (isDrained(view)) {
      // What died is given a second life, which has to come to its end, too.
      if (isRevived || inState(view, "DEAD").length === 0) return undefined;
      isRevived = true;
      return anyRetry(random, view);
    }
    rounds += 1;
    if (rounds > drainRoundsMax) throw new Error("the drain does not end: something hangs (I17)");
    return drainCommand(random, view, rounds - 1);
  };
}

/** Plays these commands again. */
export async function replay({ engine, faulty }: Stage, commands: readonly Command[]): Promise<Report> {
  const left = [...commands];
  return playSequence({ engine, faulty, next: () => left.shift(), dumpEvery: 1, drained: false });
}

/** The fewest commands, found within `tries` replays, that still fail in some way. */
export async function shrink(stage: Stage, commands: readonly Command[], tries: number): Promise<readonly Command[]> {
  let smallest = commands;
  let left = tries;
  for (let size = Math.ceil(commands.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let start = smallest.length - size; start > -size && left > 0; start -= size) {
      const fewer = smallest.filter((_, index) => index < start || index >= start + size);
      left -= 1;
      const report = await replay(stage, fewer);
      if (report.failure !== undefined && !report.failure.includes("does not end")) smallest = report.commands;
    }
  }
  return smallest;
}
