import { Role } from "../codes.ts";
import type { Reading } from "./transactions.ts";

/** A job that has something below it, or leaves of one parent, role, type and state: then `seq` is the first of them, `n` how many. */
export interface Group {
  readonly seq: number;
  readonly lane: number;
  readonly role: number;
  readonly state: number;
  /** 1: something is below it. */
  readonly below: number;
  readonly n: number;
}

/** Work in slices: to be resumed in a later turn of the event loop. */
export type Slices<T = void> = Generator<undefined, T, void>;

/** Rows looked at in one turn, a few ms worth; one statement looks at no more. */
export const sliceRows = 2_000;
/** Parents that one statement looks below. */
const parentsMax = 500;

// With min() the bare columns are those of the row that has it.
const grouped = "min(s.seq), s.lane, s.role, s.state, s.below, count(*)";
const byKind = "CASE s.below WHEN 1 THEN s.seq ELSE -s.role END, l.type, s.state";
const selectBelow = `
  SELECT ${grouped}, s.nth
  FROM (SELECT up.key AS nth, j.seq, j.lane, j.role, j.state, j.below
        FROM json_each(?) AS up CROSS JOIN job j INDEXED BY job_below ON j.parent = up.value
        LIMIT ${sliceRows}) AS s CROSS JOIN lane l ON l.id = s.lane
  GROUP BY s.nth, ${byKind}`;
const selectLast = "SELECT max(position) FROM job INDEXED BY job_below WHERE parent = ?+0 AND role = ?+0";
const selectRange = `
  SELECT ${grouped} FROM job s INDEXED BY job_below CROSS JOIN lane l ON l.id = s.lane
  WHERE s.parent = ?+0 AND s.role = ?+0 AND s.position > ?+0 AND s.position <= ?+0
  GROUP BY ${byKind}`;

type Tuple = readonly [seq: number, lane: number, role: number, state: number, below: number, n: number];

/** Gives each group directly below each of `parents` once, in no order. */
export function* eachBelow(reading: Reading, parents: readonly number[], take: (group: Group) => void): Slices {
  let looked = 0;
  for (let done = 0; done < parents.length; ) {
    const some = parents.slice(done, done + parentsMax);
    const rows = reading.sql.tuples<[...Tuple, nth: number]>(selectBelow, JSON.stringify(some));
    const count = rows.reduce((sum, row) => sum + row[5], 0);
    // A full slice ends within its last parent, or just after it: that one is left to the next.
    const whole = count < sliceRows ? some.length : Math.max(...rows.map((row) => row[6]));
    if (whole === 0) yield* eachBelowOne(reading, some[0] ?? 0, take);
    else for (const row of rows) if (row[6] < whole) take(groupOf(row));
    done += Math.max(1, whole);
    looked += count + some.length;
    if (looked < sliceRows) continue;
    looked = 0;
    yield;
  }
}

/** Of a parent with too many children for one slice. */
function* eachBelowOne(reading: Reading, parent: number, take: (group: Group) => void): Slices {
  const leaves = new Map<string, Group>();
  for (const role of [Role.CHILD, Role.HEIR]) {
    const [last] = reading.sql.tuple<[number | null]>(selectLast, parent, role) ?? [];
    for (let from = -1; from < (last ?? -1); from += sliceRows) {
      const rows = reading.sql.tuples<[...Tuple]>(selectRange, parent, role, from, from + sliceRows);
      for (const group of rows.map(groupOf)) {
        if (group.below === 1) take(group);
        else join(leaves, `${role} ${group.state} ${reading.mirror.lane(group.lane).type}`, group);
      }
      yield;
    }
  }
  for (const group of leaves.values()) take(group);
}

function join(leaves: Map<string, Group>, kind: string, group: Group): void {
  const known = leaves.get(kind);
  if (known === undefined) leaves.set(kind, group);
  else leaves.set(kind, { ...(known.seq < group.seq ? known : group), n: known.n + group.n });
}

function groupOf([seq, lane, role, state, below, n]: readonly [...Tuple, ...unknown[]]): Group {
  return { seq, lane, role, state, below, n };
}
