import type { LeaseId, SessionId } from "../../core/names.ts";
import { isTerminalCode, Role, reviveOf, runOf, State } from "../codes.ts";
import type { DumpedJob, StoreDump } from "../dump.ts";
import type { Connection } from "./connection.ts";
import { type DetailRow, detailColumns, detailJoins, detailOf, summaryColumns, summaryJoins } from "./job-record.ts";
import { getQueues } from "./read-queue.ts";

interface DumpRow extends DetailRow {
  readonly lease: LeaseId | null;
  readonly position: number;
  readonly edge_flipped: boolean;
  readonly propagate_due: boolean;
  readonly run: number;
  readonly children_not_ok: number | null;
  readonly heirs_not_ok: number | null;
  readonly judged: boolean | null;
  readonly cancel_heirs: boolean;
  readonly reviving: number | null;
  readonly staged: number;
  readonly pruning: boolean;
}

interface SessionRow {
  readonly id: SessionId;
  readonly epoch: number;
  readonly expires_at: number;
  readonly buffered: readonly LeaseId[] | null;
}

const selectJobs = (schema: string): string => `
  SELECT ${summaryColumns}, ${detailColumns(schema)}, j.lease, j.position, j.edge_flipped, j.propagate_due, j.run,
    b.children_not_ok, b.heirs_not_ok, b.judged, j.cancel_heirs, b.reviving, j.staged,
    EXISTS (SELECT 1 FROM ${schema}.pruning g WHERE g.root = j.seq) AS pruning
  FROM ${schema}.job j ${summaryJoins(schema)} ${detailJoins(schema)} ORDER BY j.seq`;

const selectSessions = (schema: string): string =>
  `SELECT id, epoch, expires_at, buffered FROM ${schema}.session WHERE ended_at IS NULL`;

/** Everything in the schema, whatever its size, as it is at one moment. */
export function dump(connection: Connection): Promise<StoreDump> {
  const { schema } = connection;
  const now = connection.nowMs();
  return connection.snapshot(async (read) => {
    const jobs = await read<DumpRow>(selectJobs(schema), []);
    const sessions = await read<SessionRow>(selectSessions(schema), []);
    return {
      jobs: jobs.map(dumpedOf),
      sessions: sessions.map(({ id, epoch, expires_at, buffered }) => ({
        id,
        epoch,
        expiresAt: expires_at,
        buffered: buffered ?? [],
      })),
      queues: await getQueues(schema, now, read),
    };
  });
}

function dumpedOf(row: DumpRow): DumpedJob {
  const isLive = row.state === State.RUNNING;
  return {
    ...detailOf(row),
    leaseId: isLive ? (row.lease ?? undefined) : undefined,
    sessionId: isLive && row.session_id !== null ? (row.session_id as SessionId) : undefined,
    position: row.position,
    edgeFlipped: row.role === Role.ROOT ? undefined : row.edge_flipped,
    propagateDue: row.propagate_due,
    run: runOf(row.run),
    childrenNotOk: row.children_not_ok ?? 0,
    heirsNotOk: row.heirs_not_ok ?? 0,
    barrierJudged: isTerminalCode(row.state) || row.judged === true,
    cancelHeirs: row.cancel_heirs,
    reviving: reviveOf(row.reviving ?? 0),
    staged: row.staged,
    pruning: row.pruning,
  };
}
