import type { ServerDefaults } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { stateOf } from "../codes.ts";
import type { Effects } from "../effects.ts";
import { type Mirror, marks } from "./mirror.ts";
import type { Statements } from "./statements.ts";

/** What the ends of nodes mean for their parent, summed over one transaction. */
export interface Flip {
  children: number;
  childrenNotOk: number;
  heirs: number;
  heirsNotOk: number;
  failFast: boolean;
}

/** One write transaction in progress: its time, and what it gathers to be written or told once at its end. */
export interface Step {
  readonly sql: Statements;
  readonly mirror: Mirror;
  readonly defaults: ServerDefaults;
  /** The store's time, the same throughout; ms since the epoch. */
  readonly now: number;
  /** Changes to kept counters, by `lane * 16 + state`. */
  readonly counts: Map<number, number>;
  /** By the parent's number. */
  readonly flips: Map<number, Flip>;
  /** Lanes that got claimable jobs. */
  readonly readied: Set<number>;
  /** Jobs whose run ended or which turned terminal, by number. */
  readonly ended: Map<number, { readonly id: JobId; readonly state: number }>;
  readonly cancels: Effects["cancels"][number][];
  propagateDue: boolean;
  cascadeDue: boolean;
  expandDue: boolean;
  dueAt: number | undefined;
}

export function newStep(of: Pick<Step, "sql" | "mirror" | "defaults" | "now">): Step {
  return {
    ...of,
    counts: new Map(),
    flips: new Map(),
    readied: new Set(),
    ended: new Map(),
    cancels: [],
    propagateDue: false,
    cascadeDue: false,
    expandDue: false,
    dueAt: undefined,
  };
}

/** A job of the lane entered (+1) or left (-1) a state. */
export function count(step: Step, lane: number, state: number, change: number): void {
  const key = lane * 16 + state;
  step.counts.set(key, (step.counts.get(key) ?? 0) + change);
}

/** A job of the lane became claimable. */
export function ready(step: Step, lane: number): void {
  step.readied.add(lane);
  step.mirror.ready.add(lane);
}

/** A job waits for this time. */
export function due(step: Step, runAt: number): void {
  if (step.dueAt === undefined || runAt < step.dueAt) step.dueAt = runAt;
}

/** Writes what was gathered: each touched counter once, and the clock's high-water mark. */
export function writeGathered(step: Step): void {
  for (const [key, change] of step.counts) {
    if (change !== 0) step.sql.run(addCount, Math.floor(key / 16), key % 16, change);
  }
  step.sql.run(raiseMark, step.now, marks.now, step.now);
  step.sql.run(raiseMark, step.mirror.seq, marks.seq, step.mirror.seq);
}

const raiseMark = "UPDATE counter SET n = ? WHERE lane = 0 AND state = ? AND n < ?+0";

const addCount = `
  INSERT INTO counter (lane, state, n) VALUES (?, ?, ?)
  ON CONFLICT DO UPDATE SET n = n + excluded.n`;

/** Jobs of the lane in the state, this transaction's changes included. */
export function countOf(step: Step, lane: number, state: number): number {
  const [stored = 0] =
    step.sql.tuple<[number]>("SELECT n FROM counter WHERE lane = ?+0 AND state = ?", lane, state) ?? [];
  return stored + (step.counts.get(lane * 16 + state) ?? 0);
}

export function effectsOf(step: Step): Effects {
  return {
    readied: [...step.readied].map((id) => {
      const { queue, type } = step.mirror.lane(id);
      return { queue, type };
    }),
    ended: [...step.ended.values()].map(({ id, state }) => ({ id, state: stateOf(state) })),
    cancels: step.cancels,
    propagateDue: step.propagateDue,
    cascadeDue: step.cascadeDue,
    expandDue: step.expandDue,
    dueAt: step.dueAt,
  };
}
