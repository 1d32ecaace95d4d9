import type { JobSummary } from "../../core/job.ts";
import { Reason, State } from "../codes.ts";
import type { ListFilter, Page, PageRequest } from "../query.ts";
import type { Connection, Value } from "./connection.ts";
import { parseCursor } from "./cursor.ts";
import { type SummaryRow, summaryColumns, summaryJoins, summaryOf } from "./job-record.ts";
import { selectCounts } from "./read-queue.ts";

/** Rows that the statements of one page look through, in turn; what is not found by then is left to the next page. */
const windows = [500, 4_000, 16_000] as const;
/** Jobs in states that have a table of their own are read from there when there are no more than these. */
const fewJobs = 2_000;

/** What the filter's names stand for. */
interface Meant {
  readonly parent: number | null;
  readonly root: number | null;
  /** Null: any. */
  readonly lanes: readonly number[] | null;
  /** Empty: any. */
  readonly states: readonly number[];
  /** Jobs of these lanes and states, wherever they belong. */
  readonly count: number;
}

/** A summary with its place in the list, and what was looked through; without an id when nothing matched. */
type ListedRow = Omit<SummaryRow, "id"> & {
  readonly id: SummaryRow["id"] | null;
  readonly place: number;
  readonly looked: number;
  readonly last_place: number | null;
};

const selectMeant = (schema: string): string => `
  WITH lanes AS (
    SELECT array_agg(id) AS ids FROM ${schema}.lane
    WHERE ($3::text IS NULL OR queue = $3) AND ($4::text IS NULL OR type = $4))
  SELECT (SELECT seq FROM ${schema}.job WHERE id = $1) AS parent, (SELECT seq FROM ${schema}.job WHERE id = $2) AS root,
    CASE WHEN $3::text IS NULL AND $4::text IS NULL THEN NULL ELSE coalesce(lanes.ids, '{}') END AS lanes,
    (SELECT coalesce(sum(n), 0)::bigint FROM (${selectCounts(schema)}) AS counted
      WHERE lane = ANY(lanes.ids) AND ($5::integer[] = '{}' OR state = ANY($5))) AS count
  FROM lanes`;

/** One page of the jobs that match: newest first, below a parent in declaration order. No statement is unbounded. */
export async function listJobs(
  { schema, read }: Connection,
  filter: ListFilter,
  page: PageRequest,
): Promise<Page<JobSummary>> {
  const isBelow = filter.parentId !== undefined;
  let after = page.cursor === undefined ? (isBelow ? -1 : Number.MAX_SAFE_INTEGER) : parseCursor(page.cursor);
  const meant = await meantBy({ schema, read }, filter);
  if (meant === undefined || meant.count === 0) return { items: [], cursor: undefined };
  const text = statement(schema, filter, meant);
  const items: JobSummary[] = [];
  for (const rows of windows) {
    const values: Value[] = [
      after,
      rows,
      meant.lanes,
      meant.states,
      page.size - items.length + 1,
      meant.parent,
      meant.root,
      filter.errorFingerprint ?? null,
      filter.updatedSince ?? null,
    ];
    const found = await read<ListedRow>(text, values);
    for (const row of found) {
      if (row.id === null) continue;
      if (items.length === page.size) return { items, cursor: String(after) };
      items.push(summaryOf({ ...row, id: row.id }));
      after = row.place;
    }
    const [first] = found;
    if (first === undefined || first.last_place === null || first.looked < rows) return { items, cursor: undefined };
    after = first.last_place;
  }
  return { items, cursor: String(after) };
}

/** Undefined: no such parent or root. */
async function meantBy(
  { schema, read }: Pick<Connection, "schema" | "read">,
  filter: ListFilter,
): Promise<Meant | undefined> {
  const states = filter.states.map((state) => State[state]);
  const { parentId = null, rootId = null, queue = null, type = null } = filter;
  const [meant] = await read<Omit<Meant, "states">>(selectMeant(schema), [parentId, rootId, queue, type, states]);
  if (meant === undefined) throw new Error("the server answered no row");
  const isMissing = (parentId !== null && meant.parent === null) || (rootId !== null && meant.root === null);
  return isMissing ? undefined : { ...meant, states };
}

// The list of numbers holds the planner to the index, whatever it knows of the tables.
/** $1 place after which, $2 rows to look through, $3 lanes, $4 states, $5 rows wanted, $6 parent, $7 root, $8 fingerprint, $9 changed since. */
function statement(schema: string, filter: ListFilter, meant: Meant): string {
  const order = filter.parentId === undefined ? "DESC" : "ASC";
  const conditions = [
    "($3::integer[] IS NULL OR j.lane = ANY($3))",
    "($4::integer[] = '{}' OR j.state = ANY($4))",
    "($6::bigint IS NULL OR j.parent = $6)",
    "($7::bigint IS NULL OR coalesce(j.root, j.seq) = $7)",
    "($8::text IS NULL OR j.fingerprint = $8)",
    "($9::bigint IS NULL OR j.updated_at >= $9)",
    ...(filter.rootsOnly === true ? ["j.root IS NULL"] : []),
    ...(filter.includeChainFailed ? [] : [`NOT (j.state = ${State.DEAD} AND j.reason = ${Reason.CHAIN_FAILED})`]),
  ];
  return `
    WITH place AS MATERIALIZED (${source(schema, filter, meant)} ORDER BY place ${order} LIMIT $2),
    hit AS (
      SELECT place.place, j.seq FROM place JOIN ${schema}.job j ON j.seq = place.seq
      WHERE j.seq = ANY(ARRAY(SELECT seq FROM place)) AND ${conditions.join(" AND ")} ORDER BY place.place ${order} LIMIT $5),
    looked AS (SELECT count(*)::integer AS looked, ${order === "ASC" ? "max" : "min"}(place) AS last_place FROM place)
    SELECT looked.*, listed.* FROM looked LEFT JOIN (
      SELECT hit.place, ${summaryColumns} FROM hit JOIN ${schema}.job j ON j.seq = hit.seq ${summaryJoins(schema)}
    ) AS listed ON true ORDER BY listed.place ${order}`;
}

/** Places in the order of the list, with their jobs, from the narrowest index that holds them all. */
function source(schema: string, filter: ListFilter, meant: Meant): string {
  const limited = (select: string, order: string): string => `(${select} ORDER BY ${order} LIMIT $2)`;
  if (filter.parentId !== undefined) {
    const below = (role: number): string =>
      limited(
        `SELECT position::bigint AS place, seq FROM ${schema}.job WHERE parent = $6 AND role = ${role} AND position > $1`,
        "position",
      );
    return `SELECT * FROM (${below(1)} UNION ALL ${below(2)}) AS below`;
  }
  if (filter.rootId !== undefined) {
    // Said so that only the index by root gives the order: the primary key's would be walked through all other chains.
    const where = "root >= $7 AND (root, seq) < ($7, $1)";
    const below = limited(`SELECT seq AS place, seq FROM ${schema}.job WHERE ${where}`, "root DESC, seq DESC");
    return `SELECT * FROM (${below} UNION ALL SELECT seq, seq FROM ${schema}.job WHERE seq = $7 AND seq < $1) AS chain`;
  }
  const tables = new Set(meant.states.map((state) => tableOf.get(state)));
  if (tables.size > 0 && !tables.has(undefined) && meant.count <= fewJobs) {
    const all = [...tables].map((table) => `SELECT seq AS place, seq FROM ${schema}.${table} WHERE seq < $1`);
    return `SELECT * FROM (${all.join(" UNION ALL ")}) AS active`;
  }
  const onlyDead = meant.states.length === 1 && meant.states[0] === State.DEAD;
  const isDead = onlyDead || filter.errorFingerprint !== undefined;
  const where = isDead ? `AND reason BETWEEN ${Reason.ATTEMPTS_EXHAUSTED} AND ${Reason.CHAIN_FAILED}` : "";
  return `SELECT seq AS place, seq FROM ${schema}.job WHERE seq < $1 ${where}`;
}

/** States whose jobs have rows in a table beside their own. */
const tableOf: ReadonlyMap<number, string> = new Map([
  [State.READY, "ready"],
  [State.SCHEDULED, "due"],
  [State.RETRYING, "due"],
  [State.RUNNING, "leased"],
]);
