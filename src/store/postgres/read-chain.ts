import type { JobState } from "../../core/job.ts";
import type { JobId, TypeName } from "../../core/names.ts";
import { isTerminalCode, reasonOf, roleOf, stateOf, triggerOf } from "../codes.ts";
import type { ChainNodeRecord, ChainPage, ChainRequest } from "../query.ts";
import type { Connection } from "./connection.ts";
import { badToken } from "./cursor.ts";
import { decodeKey } from "./key-text.ts";

interface TopRow {
  readonly seq: number;
  readonly depth: number;
  readonly root: number | null;
  readonly root_id: JobId | null;
}

interface NodeRow {
  readonly totals: readonly (readonly [state: number, count: number])[] | null;
  readonly id: JobId | null;
  readonly parent_id: JobId | null;
  readonly first: number;
  readonly n: number;
  readonly type: TypeName;
  readonly state: number;
  readonly role: number;
  readonly trigger: number;
  readonly reason: number;
  readonly key: string | null;
  readonly depth: number;
  readonly pending_children: number | null;
  readonly pending_heirs: number | null;
}

const selectTop = (schema: string): string => `
  SELECT j.seq, j.depth, j.root, r.id AS root_id
  FROM ${schema}.job j LEFT JOIN ${schema}.job r ON r.seq = j.root WHERE j.id = $1`;

const columns = "j.seq, j.parent, j.role, j.lane, j.state, j.below, j.depth";

/** Every job of the chain of a root, or (walked down) at and below another node. */
const chainOfRoot = (schema: string): string => `
  chain AS (
    SELECT ${columns} FROM ${schema}.job j WHERE j.seq = $1
    UNION ALL SELECT ${columns} FROM ${schema}.job j WHERE j.root = $1 AND j.depth >= $2)`;
const chainBelow = (schema: string): string => `
  chain AS (
    SELECT ${columns} FROM ${schema}.job j WHERE j.seq = $1
    UNION ALL SELECT ${columns} FROM chain c JOIN ${schema}.job j ON j.parent = c.seq WHERE c.below)`;

/** $1 top, $2 and $3 level and number of the last node shown, $4 deepest level, $5 rows wanted, $6 whether totals are told. */
const selectNodes = (schema: string, chain: string): string => `
  WITH RECURSIVE ${chain},
  node AS MATERIALIZED (
    SELECT c.depth, min(c.seq) AS first, count(*)::integer AS n, c.state
    FROM chain c JOIN ${schema}.lane l ON l.id = c.lane
    GROUP BY c.depth, c.parent, c.role, l.type, c.state, CASE WHEN c.below THEN c.seq END),
  shown AS (
    SELECT * FROM node WHERE (depth, first) > ($2, $3) AND depth <= $4 ORDER BY depth, first LIMIT $5),
  total AS (
    SELECT json_agg(json_build_array(state, n)) AS totals
    FROM (SELECT state, sum(n) AS n FROM node WHERE $6 GROUP BY state) AS by_state)
  SELECT total.totals, listed.* FROM total LEFT JOIN (
    SELECT j.id, p.id AS parent_id, s.first, s.n, l.type, j.state, j.role, j.trigger, j.reason, j.key, s.depth,
      b.pending_children, b.pending_heirs
    FROM shown s JOIN ${schema}.job j ON j.seq = s.first JOIN ${schema}.lane l ON l.id = j.lane
      LEFT JOIN ${schema}.job p ON p.seq = j.parent LEFT JOIN ${schema}.barrier b ON b.seq = j.seq
  ) AS listed ON true ORDER BY listed.depth, listed.first`;

/**
 * The chain at and below a job, level by level, each level in insertion order; leaves that are alike are gathered by the server,
 * which hands out no more than a page.
 */
export async function getChain(
  { schema, read }: Connection,
  id: JobId,
  request: ChainRequest,
): Promise<ChainPage | undefined> {
  const after = request.cursor === undefined ? undefined : parsePlace(request.cursor);
  const [top] = await read<TopRow>(selectTop(schema), [id]);
  if (top === undefined) return undefined;
  const chain = top.root === null ? chainOfRoot(schema) : chainBelow(schema);
  const rows = await read<NodeRow>(selectNodes(schema, chain), [
    top.seq,
    after?.depth ?? -1,
    after?.seq ?? -1,
    Math.min(top.depth + request.depthMax, 2 ** 15 - 1),
    request.size + 1,
    after === undefined,
  ]);
  const items = rows.slice(0, request.size).flatMap((row) => nodeOf(row, top.depth));
  const last = rows[request.size - 1];
  const hasMore = rows.length > request.size && last !== undefined;
  return {
    rootId: top.root_id ?? id,
    items,
    cursor: hasMore ? `${last.depth}.${last.first}` : undefined,
    totals: after === undefined ? totalsOf(rows[0]) : undefined,
  };
}

function parsePlace(cursor: string): { readonly depth: number; readonly seq: number } {
  const [, depth, seq] = /^([0-9]{1,5})\.([0-9]{1,15})$/.exec(cursor) ?? [];
  if (depth === undefined || seq === undefined) throw badToken();
  return { depth: Number(depth), seq: Number(seq) };
}

function totalsOf(row: NodeRow | undefined): readonly { readonly state: JobState; readonly count: number }[] {
  return (row?.totals ?? []).map(([state, count]) => ({ state: stateOf(state), count }));
}

/** None for the row that only bears totals. */
function nodeOf(row: NodeRow, topDepth: number): readonly ChainNodeRecord[] {
  if (row.id === null) return [];
  return [
    {
      id: row.id,
      parentId: row.parent_id ?? undefined,
      count: row.n,
      type: row.type,
      state: stateOf(row.state),
      role: roleOf(row.role),
      trigger: triggerOf(row.trigger),
      reason: isTerminalCode(row.state) ? reasonOf(row.reason) : undefined,
      key: row.n === 1 ? decodeKey(row.key) : "",
      depth: row.depth - topDepth,
      pendingChildren: row.pending_children ?? 0,
      pendingHeirs: row.pending_heirs ?? 0,
    },
  ];
}
