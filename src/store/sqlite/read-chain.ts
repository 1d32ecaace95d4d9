import { setImmediate as nextTurn } from "node:timers/promises";
import type { JobId } from "../../core/names.ts";
import { isTerminalCode, Role, reasonOf, roleOf, stateOf, triggerOf } from "../codes.ts";
import type { ChainNodeRecord, ChainPage, ChainRequest } from "../query.ts";
import { eachBelow, type Group, type Slices } from "./below.ts";
import { parsePlace } from "./cursor.ts";
import { firstGroups } from "./first-groups.ts";
import { seekLevel } from "./seek-level.ts";
import type { Reading } from "./transactions.ts";

interface TopRow extends Group {
  readonly root_id: JobId;
}

interface PlacedGroup extends Group {
  /** Edges below the top. */
  readonly depth: number;
}

interface Wanted {
  /** Where the page before ended. */
  readonly after: { readonly depth: number; readonly seq: number } | undefined;
  readonly max: number;
  readonly depthMax: number;
}

interface Found {
  /** At most `max`, in the order of the answer. */
  readonly found: readonly PlacedGroup[];
  /** Jobs by state, for a first page. */
  readonly totals: ReadonlyMap<number, number>;
}

/** What a group does not know of its first job. */
interface DetailRow {
  readonly id: JobId;
  readonly parent_id: JobId | null;
  readonly reason: number;
  readonly trigger: number;
  readonly key: string | null;
  readonly pending_children: number | null;
  readonly pending_heirs: number | null;
}

const selectTop = `
  SELECT j.seq, j.lane, j.role, j.state, j.below, 1 AS n, coalesce(r.id, j.id) AS root_id
  FROM job j LEFT JOIN job r ON r.seq = j.root WHERE j.id = ''||?`;
const selectDetail = `
  SELECT j.id, p.id AS parent_id, j.reason, j.trigger, j.key, pending_children, pending_heirs
  FROM job j LEFT JOIN barrier b ON b.seq = j.seq LEFT JOIN job p ON p.seq = j.parent WHERE j.seq = ?+0`;

/**
 * The chain at and below a job, level by level, each level in insertion order. A large one is read over several turns of the
 * event loop, each part as it is then; `read` is done once in each.
 */
export async function getChain(
  read: <T>(work: (reading: Reading) => T) => Promise<T>,
  id: JobId,
  request: ChainRequest,
): Promise<ChainPage | undefined> {
  let page: Slices<ChainPage | undefined> | undefined;
  for (;;) {
    const { done, value } = await read((reading) => {
      page ??= pageOf(reading, id, request); // all readings of a store have the same statements and mirror
      return page.next();
    });
    if (done) return value;
    await nextTurn();
  }
}

function* pageOf(reading: Reading, id: JobId, request: ChainRequest): Slices<ChainPage | undefined> {
  const { cursor, size } = request;
  const top = reading.sql.row<TopRow>(selectTop, id);
  if (top === undefined) return undefined;
  const after = cursor === undefined ? undefined : parsePlace(cursor);
  const wanted = { ...request, after, max: size + 1 };
  const { found, totals } = (yield* seek(reading, top, wanted)) ?? (yield* walk(reading, top, wanted));
  const last = found.length > size ? found[size - 1] : undefined;
  return {
    rootId: top.root_id,
    items: found.slice(0, size).flatMap((group) => nodeOf(reading, group)),
    cursor: last && `${last.depth}.${last.seq}`,
    totals: after ? undefined : [...totals].map(([state, count]) => ({ state: stateOf(state), count })),
  };
}

/** A page that lies within one level of a root's chain. */
function* seek(reading: Reading, top: TopRow, { after, max, depthMax }: Wanted): Slices<Found | undefined> {
  if (after === undefined || after.depth > depthMax || top.role !== Role.ROOT) return undefined;
  const { depth, seq } = after;
  const groups = yield* seekLevel(reading, { root: top.seq, depth, seq, max });
  return groups && { found: groups.map((group) => ({ ...group, depth })), totals: new Map() };
}

/** From the top down; for the first page to the end, since it tells totals. */
function* walk(reading: Reading, top: TopRow, { after, max, depthMax }: Wanted): Slices<Found> {
  const found: PlacedGroup[] = [];
  const totals = new Map<number, number>();
  const isOver = (depth: number) => depth > depthMax || found.length === max;
  let parents: readonly number[] = [];
  for (let depth = 0; depth === 0 || parents.length > 0; depth += 1) {
    if (after !== undefined && isOver(depth)) break;
    const level = isOver(depth) || depth < (after?.depth ?? 0) ? undefined : firstGroups(max - found.length);
    const below: number[] = [];
    const take = (group: Group): void => {
      totals.set(group.state, (totals.get(group.state) ?? 0) + group.n);
      if (group.below === 1) below.push(group.seq);
      if (depth !== after?.depth || group.seq > after.seq) level?.add(group);
    };
    if (depth === 0) take(top);
    else yield* eachBelow(reading, parents, take);
    for (const group of level?.list() ?? []) found.push({ ...group, depth });
    parents = below;
  }
  return { found, totals };
}

/** None when the job was removed since its group was seen. */
function nodeOf(reading: Reading, group: PlacedGroup): ChainNodeRecord[] {
  const { seq, lane, role, state, n, depth } = group;
  const row = reading.sql.row<DetailRow>(selectDetail, seq);
  if (row === undefined) return [];
  return [
    {
      id: row.id,
      parentId: row.parent_id ?? undefined,
      count: n,
      type: reading.mirror.lane(lane).type,
      state: stateOf(state),
      role: roleOf(role),
      trigger: triggerOf(row.trigger),
      reason: isTerminalCode(state) ? reasonOf(row.reason) : undefined,
      key: n === 1 ? (row.key ?? "") : "",
      depth,
      pendingChildren: row.pending_children ?? 0,
      pendingHeirs: row.pending_heirs ?? 0,
    },
  ];
}
