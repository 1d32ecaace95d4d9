import { createRandom } from "./random.ts";

/** `outage`: the database stays away for long, and a worker is killed meanwhile. */
export type KillKind = "broker" | "worker" | "database" | "outage";

/** A kill -9 that is to come. */
export interface PlannedKill {
  readonly what: KillKind;
  /** Not before this share of the planned jobs is terminal. */
  readonly share: number;
  /** Not before a handler of an heir runs (of a worker: in that worker). */
  readonly duringHeir: boolean;
  /** How long a database stays away before it is started again. */
  readonly awayMs: number;
}

/** A kill -9 as it happened. */
export interface Kill {
  readonly what: KillKind;
  /** Milliseconds since the epoch, just before the signal. */
  readonly at: number;
  /** The worker's name; empty for anything else. */
  readonly worker: string;
  /** When what was killed served again; of a worker: when it was replaced. */
  readonly until: number;
}

type Spell = readonly (readonly [what: KillKind, share: number, during?: "heir"])[];

/**
 * Five kills of a broker and ten of workers, spread over two spells. Between the spells there is time for leases to come back: a
 * broker that restarts reaps nothing for a session's whole time to live, so kills spread evenly would hold them back for ever.
 */
const processes: Spell = [
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
];

/** Ten kills of the database among those, and an outage: each is a gap in reaching the store, so they keep to the same spells. */
const databases: Spell = [
  ["database", 0.11],
  ["database", 0.13, "heir"],
  ["database", 0.16],
  ["database", 0.2],
  ["outage", 0.25],
  ["database", 0.67],
  ["database", 0.7],
  ["database", 0.72, "heir"],
  ["database", 0.75],
  ["database", 0.79],
  ["database", 0.81],
];

const awayMsMax = 1_500;
export const outageMs = 30_000;

export function planKills(seed: number, { database }: { readonly database: boolean }): readonly PlannedKill[] {
  const random = createRandom(seed ^ 0x6b696c6c);
  return [...processes, ...(database ? databases : [])]
    .map(([what, share, during]) => ({
      what,
      share: share + (random.next() - 0.5) / 200,
      duringHeir: during === "heir",
      awayMs: what === "outage" ? outageMs : random.integer(0, awayMsMax),
    }))
    .sort((one, other) => one.share - other.share);
}
