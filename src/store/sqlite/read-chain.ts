import type { JobId, TypeName } from "../../core/names.ts";
import type { ChainNodeRecord, ChainPage, ChainRequest } from "../store.ts";
import { isTerminalCode, reasonOf, roleOf, stateOf, triggerOf } from "./codes.ts";
import { parseCursor } from "./cursor.ts";
import type { Reading } from "./transactions.ts";

/** A job that has something below it, or (n over 1) leaves that are alike: the first of them. */
interface NodeRow {
  readonly seq: number;
  readonly id: JobId;
  readonly lane: number;
  readonly state: number;
  readonly reason: number;
  readonly role: number;
  readonly trigger: number;
  readonly key: string | null;
  readonly below: number;
  readonly n: number;
  readonly pending_children: number | null;
  readonly pending_heirs: number | null;
}

/** A node with its parent's id, on its level. */
interface Placed {
  readonly row: NodeRow;
  readonly parentId: JobId | undefined;
}

const columns = "j.seq, j.id, j.lane, j.state, j.reason, j.role, j.trigger, j.key, j.below";
const selectTop = `
  SELECT ${columns}, 1 AS n, pending_children, pending_heirs, coalesce(r.id, j.id) AS root_id, p.id AS parent_id
  FROM job j LEFT JOIN barrier b ON b.seq = j.seq LEFT JOIN job r ON r.seq = j.root LEFT JOIN job p ON p.seq = j.parent
  WHERE j.id = ''||?`;
// In one pass over the children; with min() the bare columns are those of the first row of the group.
const selectBelow = `
  SELECT ${columns}, j.parent, count(*) AS n, min(j.seq), pending_children, pending_heirs
  FROM json_each(?) AS up CROSS JOIN job j INDEXED BY job_below ON j.parent = up.value
  CROSS JOIN lane l ON l.id = j.lane LEFT JOIN barrier b ON b.seq = j.seq
  GROUP BY j.parent, CASE j.below WHEN 1 THEN j.seq ELSE -j.role END, l.type, j.state`;

/** Parents that one statement looks below. */
const parentsMax = 200;

type TopRow = NodeRow & { readonly root_id: JobId; readonly parent_id: JobId | null };

/** The chain at and below a job, level by level, each level in insertion order. */
export function getChain(reading: Reading, id: JobId, request: ChainRequest): ChainPage | undefined {
  const top = reading.sql.row<TopRow>(selectTop, id);
  if (top === undefined) return undefined;
  const first = request.cursor === undefined ? 0 : parseCursor(request.cursor);
  const next = first + request.size;
  const totals = new Map<number, number>();
  const items: ChainNodeRecord[] = [];
  let seen = 0;
  let level: Placed[] = [{ row: top, parentId: top.parent_id ?? undefined }];
  for (let depth = 0; level.length > 0; depth += 1) {
    for (const { row, parentId } of level) {
      totals.set(row.state, (totals.get(row.state) ?? 0) + row.n);
      if (depth > request.depthMax) continue;
      if (seen >= first && seen < next) items.push(nodeOf(reading, { row, parentId, depth }));
      seen += 1;
    }
    // Later pages tell no totals: they need not go on.
    if (first > 0 && (seen > next || depth >= request.depthMax)) break;
    level = levelBelow(reading, level);
  }
  return {
    rootId: top.root_id,
    items,
    cursor: seen > next ? String(next) : undefined,
    totals: first > 0 ? undefined : [...totals].map(([state, count]) => ({ state: stateOf(state), count })),
  };
}

function levelBelow(reading: Reading, level: readonly Placed[]): Placed[] {
  const ids = new Map(level.filter(({ row }) => row.below === 1).map(({ row }) => [row.seq, row.id]));
  const parents = [...ids.keys()];
  const below: Placed[] = [];
  for (let first = 0; first < parents.length; first += parentsMax) {
    const some = JSON.stringify(parents.slice(first, first + parentsMax));
    const rows = reading.sql.rows<NodeRow & { readonly parent: number }>(selectBelow, some);
    for (const row of rows) below.push({ row, parentId: ids.get(row.parent) });
  }
  return below.sort((left, right) => left.row.seq - right.row.seq);
}

function nodeOf(reading: Reading, { row, parentId, depth }: Placed & { readonly depth: number }): ChainNodeRecord {
  const type: TypeName = reading.mirror.lane(row.lane).type;
  return {
    id: row.id,
    parentId,
    count: row.n,
    type,
    state: stateOf(row.state),
    role: roleOf(row.role),
    trigger: triggerOf(row.trigger),
    reason: isTerminalCode(row.state) ? reasonOf(row.reason) : undefined,
    key: row.n === 1 ? (row.key ?? "") : "",
    depth,
    pendingChildren: row.pending_children ?? 0,
    pendingHeirs: row.pending_heirs ?? 0,
  };
}
