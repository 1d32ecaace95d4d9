import { createRandom } from "./random.ts";

/** A kill -9 that is to come. */
export interface PlannedKill {
  readonly what: "broker" | "worker";
  /** Not before this share of the planned jobs is terminal. */
  readonly share: number;
  /** Not before a handler of an heir runs (of a worker: in that worker). */
  readonly duringHeir: boolean;
}

/** A kill -9 as it happened. */
export interface Kill {
  readonly what: "broker" | "worker";
  /** Milliseconds since the epoch, just before the signal. */
  readonly at: number;
  /** The worker's name; empty for the broker. */
  readonly worker: string;
}

/**
 * Five kills of the broker and ten of workers, spread over two spells. Between the spells there is time for leases to come back: a
 * broker that restarts reaps nothing for a session's whole time to live, so kills spread evenly would hold them back for ever.
 */
export function planKills(seed: number): readonly PlannedKill[] {
  const random = createRandom(seed ^ 0x6b696c6c);
  const spells = [
    ["worker", 0.12],
    ["broker", 0.14, "heir"],
    ["worker", 0.15],
    ["worker", 0.17, "heir"],
    ["broker", 0.19],
    ["worker", 0.21],
    ["worker", 0.23],
    ["broker", 0.68],
    ["worker", 0.69],
    ["worker", 0.71, "heir"],
    ["broker", 0.74, "heir"],
    ["worker", 0.76],
    ["worker", 0.78],
    ["broker", 0.8],
    ["worker", 0.82],
  ] as const;
  return spells.map(([what, share, heir]) => ({
    what,
    share: share + (random.next() - 0.5) / 200,
    duringHeir: heir === "heir",
  }));
}
