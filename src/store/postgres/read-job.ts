import type { JobDetail } from "../../core/job.ts";
import type { JobId, LeaseId } from "../../core/names.ts";
import { stateOf } from "../codes.ts";
import type { JobStatus } from "../query.ts";
import type { Connection } from "./connection.ts";
import { type DetailRow, detailColumns, detailJoins, detailOf, summaryColumns, summaryJoins } from "./job-record.ts";
import { seqOfLease } from "./lease-id.ts";

/** Begin of the statement that selects `DetailRow`s of jobs `j`. */
function selectDetails(schema: string): string {
  return `
    SELECT ${summaryColumns}, ${detailColumns(schema)}
    FROM ${schema}.job j ${summaryJoins(schema)} ${detailJoins(schema)}`;
}

export async function getJob({ schema, read }: Connection, id: JobId): Promise<JobDetail | undefined> {
  const [row] = await read<DetailRow>(`${selectDetails(schema)} WHERE j.id = $1`, [id]);
  return row === undefined ? undefined : detailOf(row);
}

/** How these jobs stand, each at the index of its id. */
export async function getStatuses(
  { schema, read }: Connection,
  ids: readonly JobId[],
): Promise<readonly (JobStatus | undefined)[]> {
  if (ids.length === 0) return [];
  const rows = await read<{
    readonly id: string;
    readonly state: number;
    readonly ran: boolean;
    readonly version: number;
  }>(`SELECT id, state, ran_at IS NOT NULL AS ran, version FROM ${schema}.job WHERE id = ANY($1)`, [ids]);
  const statuses = new Map(rows.map(({ id, state, ran, version }) => [id, { state: stateOf(state), ran, version }]));
  return ids.map((id) => statuses.get(id));
}

/** Who opened the session that the lease was given to; rows of sessions stay when they end. */
export async function leasePrincipal({ schema, read }: Connection, leaseId: LeaseId): Promise<string | undefined> {
  const [row] = await read<{ readonly principal: string }>(
    `SELECT s.principal FROM ${schema}.job j JOIN ${schema}.session s ON s.seq = j.session WHERE j.seq = $1 AND j.lease = $2`,
    [seqOfLease(leaseId), leaseId],
  );
  return row?.principal;
}

export async function readTime(connection: Connection): Promise<number> {
  const [row] = await connection.read<{ readonly now: number }>(`SELECT ${nowMs} AS now`, [connection.nowMs()]);
  if (row === undefined) throw new Error("the server answered without its time");
  return row.now;
}

/** The time of a statement whose first parameter is `Connection.nowMs()`. */
export const nowMs = "coalesce($1::bigint, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)";
