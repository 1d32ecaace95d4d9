import type { Command } from "./command.ts";
import { readVerbs } from "./fault.ts";
import type { Aim, TakeAim } from "./plan-fault.ts";

const allAims: readonly Aim[] = [
  "commit",
  "openSession",
  "resume",
  "detach",
  "close",
  "promote",
  "propagate",
  "cascade",
  "reap",
  "updateQueue",
  "expand",
  "prune",
  "cancel",
  "retry",
  "remove",
  "stage",
  "report",
  ...readVerbs,
];

/** How often each aim was taken, shared by the threads of a run. */
export function aimCounts(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * allAims.length));
}

/** Takes what was taken least so far, so that all aims get their part of few sequences. */
export function leastTaken(counts: Int32Array): TakeAim {
  return (aims) => {
    const taken = (aim: Aim): number => Atomics.load(counts, allAims.indexOf(aim));
    const [first, ...others] = aims;
    if (first === undefined) throw new Error("a sequence without commands has nothing to cut");
    const least = others.reduce((best, aim) => (taken(aim) < taken(best) ? aim : best), first);
    Atomics.add(counts, allAims.indexOf(least), 1);
    return least;
  };
}

/** Takes the aim that was named, to see a sequence again. */
export function named(name: string | undefined): TakeAim {
  return (aims, random) => aims.find((each) => each === name) ?? random.pick(aims);
}

/** Under which name the cut of these commands is seen again. */
export function aimOf(commands: readonly Command[]): string | undefined {
  for (const { kind, fault } of commands) if (fault?.kind === "cut") return fault.of ?? kind;
  return undefined;
}
