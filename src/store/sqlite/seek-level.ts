import { eachBelow, type Group, type Slices, sliceRows } from "./below.ts";
import type { Reading } from "./transactions.ts";

interface SeekRow extends Group {
  readonly parent: number;
}

/** Kinds of leaves that are remembered as begun before the place. */
const begunMax = 10_000;
/** Siblings looked at for one that began its kind before the place, and how many times in one turn. */
const siblingsMax = 100;
const askedMax = 200;

const selectEnd = `
  SELECT max(seq) FROM (
    SELECT seq FROM job INDEXED BY job_root WHERE root = ?+0 AND seq > ?+0 ORDER BY seq LIMIT ${sliceRows})`;
const selectLevel = `
  SELECT seq, lane, role, state, below, 1 AS n, parent FROM job INDEXED BY job_root
  WHERE root = ?+0 AND seq > ?+0 AND seq <= ?+0 AND depth = ?+0 ORDER BY seq`;
const selectBegun = `
  SELECT 1 FROM (
    SELECT seq, lane, state, below FROM job INDEXED BY job_below
    WHERE parent = ?+0 AND role = ?+0 ORDER BY position LIMIT ${siblingsMax}) AS s CROSS JOIN lane l ON l.id = s.lane
  WHERE s.seq <= ?+0 AND s.below = 0 AND s.state = ?+0 AND l.type = ''||? LIMIT 1`;
const selectIsWide = `
  SELECT 1 FROM job INDEXED BY job_below WHERE parent = ?+0 AND role = ?+0 AND position >= ${siblingsMax} LIMIT 1`;

/**
 * The first `max` groups of a level of this root's chain that come after a job, read from there on; undefined when the level has
 * fewer, or when that cannot be told without reading the level whole.
 */
export function* seekLevel(
  reading: Reading,
  place: { readonly root: number; readonly depth: number; readonly seq: number; readonly max: number },
): Slices<readonly Group[] | undefined> {
  const { root, depth, max } = place;
  const found = new Map<string, SeekRow>();
  const begun = new Set<string>();
  let asked = 0;
  for (let from = place.seq; ; yield) {
    const [end] = reading.sql.tuple<[number | null]>(selectEnd, root, from) ?? [];
    if (end === undefined || end === null) return undefined;
    for (const row of reading.sql.rows<SeekRow>(selectLevel, root, from, end, depth)) {
      const kind = kindOf(reading, row);
      if (found.has(kind) || begun.has(kind)) continue;
      const isBegun = row.below === 1 ? false : hasBegun(reading, row, place.seq);
      if (isBegun === undefined) return undefined;
      if (!isBegun) found.set(kind, row);
      else if (begun.size < begunMax) begun.add(kind);
      if (found.size === max) return yield* counted(reading, [...found.values()]);
      if (row.below === 1) continue;
      asked += 1;
      if (asked % askedMax === 0) yield;
    }
    from = end;
  }
}

function kindOf(reading: Reading, { below, seq, parent, role, state, lane }: SeekRow): string {
  return below === 1 ? `${seq}` : `${parent} ${role} ${state} ${reading.mirror.lane(lane).type}`;
}

/** Whether leaves like this one stand before the place; undefined: too many siblings would have to be looked at. */
function hasBegun(reading: Reading, { parent, role, state, lane }: SeekRow, seq: number): boolean | undefined {
  const { type } = reading.mirror.lane(lane);
  if (reading.sql.tuple(selectBegun, parent, role, seq, state, type) !== undefined) return true;
  return reading.sql.tuple(selectIsWide, parent, role) === undefined ? false : undefined;
}

/** The same groups, with how many leaves each of them has. */
function* counted(reading: Reading, groups: readonly SeekRow[]): Slices<readonly Group[]> {
  const parents = new Set(groups.filter((group) => group.below === 0).map((group) => group.parent));
  const bySeq = new Map<number, Group>(groups.map((group) => [group.seq, group]));
  yield* eachBelow(reading, [...parents], (group) => {
    if (bySeq.has(group.seq)) bySeq.set(group.seq, group);
  });
  return [...bySeq.values()];
}
