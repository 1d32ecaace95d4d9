import type { TypedBytes } from "../../core/job.ts";
import type { JobId, LeaseId, TypeName } from "../../core/names.ts";
import { isTerminalCode, Role, RunCode, reasonOf, State, stateOf } from "../codes.ts";
import type { ChildFilter, ChildResultRecord, Page, PageRequest } from "../query.ts";
import type { Connection } from "./connection.ts";
import { parseCursor } from "./cursor.ts";
import { errorOf } from "./job-record.ts";
import { decodeKey } from "./key-text.ts";
import { seqOfLease } from "./lease-id.ts";

/** A child without the bytes of its result. */
interface ChildRow {
  readonly id: JobId;
  readonly position: number;
  readonly type: TypeName;
  readonly key: string | null;
  readonly state: number;
  readonly reason: number;
  readonly result_type: TypeName | null;
  readonly result_seq: number | null;
  readonly result_bytes: number | null;
  readonly error: string | null;
}

const selectParent = (schema: string): string => `
  SELECT parent FROM ${schema}.job
  WHERE seq = $1 AND lease = $2 AND state = ${State.RUNNING} AND role = ${Role.HEIR} AND parent IS NOT NULL`;

const selectChildren = (schema: string, completedOnly: boolean): string => `
  SELECT j.id, j.position, l.type, j.key, j.state, j.reason,
    n.text AS result_type, o.seq AS result_seq, octet_length(o.bytes) AS result_bytes,
    CASE j.run WHEN ${RunCode.DEAD} THEN (
      SELECT a.error FROM ${schema}.attempt a WHERE a.seq = j.seq AND a.error IS NOT NULL ORDER BY a.number DESC LIMIT 1
    ) END AS error
  FROM ${schema}.job j JOIN ${schema}.lane l ON l.id = j.lane
    LEFT JOIN ${schema}.result o ON o.seq = coalesce(j.result_of, j.seq) LEFT JOIN ${schema}.name n ON n.id = o.type
  WHERE j.parent = $1 AND j.role = ${Role.CHILD} AND j.position > $2 AND ($3::text IS NULL OR l.type = $3)
    ${completedOnly ? `AND j.state = ${State.COMPLETED} AND o.seq IS NOT NULL` : ""}
  ORDER BY j.position LIMIT $4`;

/**
 * The children beside the heir that holds this live lease, in declaration order. They have all ended, so that what is read in
 * several statements is one moment. One parent has a hundred thousand of them at most.
 */
export async function listChildResults(
  { schema, read }: Connection,
  request: { readonly leaseId: LeaseId; readonly filter: ChildFilter; readonly page: PageRequest },
): Promise<Page<ChildResultRecord> | undefined> {
  const { leaseId, filter, page } = request;
  const [heir] = await read<{ readonly parent: number }>(selectParent(schema), [seqOfLease(leaseId), leaseId]);
  if (heir === undefined) return undefined;
  const after = page.cursor === undefined ? -1 : parseCursor(page.cursor);
  const children = await read<ChildRow>(selectChildren(schema, filter.completedOnly), [
    heir.parent,
    after,
    filter.type ?? null,
    page.size + 1,
  ]);
  const shown = fitting(children, { size: page.size, bytesMax: filter.bytesMax });
  const results = await resultsOf({ schema, read }, shown);
  const last = shown.at(-1);
  return {
    items: shown.map((row) => recordOf(row, results)),
    cursor: shown.length < children.length ? String(last?.position ?? after) : undefined,
  };
}

/** The first children that fit on the page. */
function fitting(
  children: readonly ChildRow[],
  page: { readonly size: number; readonly bytesMax: number },
): readonly ChildRow[] {
  let bytes = 0;
  let count = 0;
  for (const row of children) {
    bytes += bytesOf(row);
    if (count === page.size || (count > 0 && bytes > page.bytesMax)) break;
    count += 1;
  }
  return children.slice(0, count);
}

/** As they travel: texts in UTF-8. */
function bytesOf(row: ChildRow): number {
  const error = errorOf(row.error);
  const texts = error === undefined ? [] : [error.name, error.message, error.stack];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), row.result_bytes ?? 0);
}

type Results = ReadonlyMap<number, Uint8Array>;

async function resultsOf(
  { schema, read }: Pick<Connection, "schema" | "read">,
  rows: readonly ChildRow[],
): Promise<Results> {
  const wanted = rows.map((row) => row.result_seq).filter((seq) => seq !== null);
  if (wanted.length === 0) return new Map();
  const found = await read<{ readonly seq: number; readonly bytes: Uint8Array }>(
    `SELECT seq, bytes FROM ${schema}.result WHERE seq = ANY($1)`,
    [wanted],
  );
  return new Map(found.map(({ seq, bytes }) => [seq, bytes]));
}

function recordOf(row: ChildRow, results: Results): ChildResultRecord {
  return {
    jobId: row.id,
    type: row.type,
    key: decodeKey(row.key),
    state: stateOf(row.state),
    reason: isTerminalCode(row.state) ? reasonOf(row.reason) : undefined,
    result: resultOf(row, results),
    error: errorOf(row.error),
  };
}

function resultOf({ result_seq, result_type }: ChildRow, results: Results): TypedBytes | undefined {
  const bytes = result_seq === null ? undefined : results.get(result_seq);
  return bytes === undefined || result_type === null ? undefined : { type: result_type, bytes };
}
