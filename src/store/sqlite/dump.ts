import type { LeaseId, QueueName, SessionId } from "../../core/names.ts";
import { isTerminalCode, Role, reviveOf, runOf, State } from "../codes.ts";
import type { DumpedJob, StoreDump } from "../dump.ts";
import { detailOf, type SummaryRow, summaryColumns, summaryJoins } from "./job-record.ts";
import { getQueue } from "./queues.ts";
import { bufferedOf, type SessionRow } from "./session-row.ts";
import type { Reading } from "./transactions.ts";

const selectJobs = `SELECT ${summaryColumns} FROM job j ${summaryJoins} ORDER BY j.seq`;
const selectSessions = "SELECT seq, id, principal, epoch, expires_at, buffered FROM session WHERE ended_at IS NULL";
const selectPruning = "SELECT 1 FROM pruning WHERE seq = ?";
const selectSessionId = "SELECT id FROM session WHERE seq = ?";

/** Everything in the file, whatever its size. */
export function dump(reading: Reading): StoreDump {
  const sessions = reading.sql.rows<SessionRow>(selectSessions);
  return {
    jobs: reading.sql.rows<SummaryRow>(selectJobs).map((row) => dumpedOf(reading, row)),
    sessions: sessions.map((row) => ({
      id: row.id,
      epoch: row.epoch,
      expiresAt: row.expires_at,
      buffered: [...bufferedOf(row)],
    })),
    queues: [...reading.mirror.queueNames()]
      .sort()
      // Names in the file were checked before they were stored.
      .map((name) => getQueue(reading, name as QueueName))
      .filter((queue) => queue !== undefined),
  };
}

function dumpedOf(reading: Reading, row: SummaryRow): DumpedJob {
  const isLive = row.state === State.RUNNING;
  const [sessionId] = (isLive ? reading.sql.tuple<[SessionId]>(selectSessionId, row.session) : undefined) ?? [];
  return {
    ...detailOf(reading, row),
    leaseId: isLive ? (row.lease as LeaseId) : undefined,
    sessionId,
    position: row.position,
    edgeFlipped: row.role === Role.ROOT ? undefined : row.edge_flipped === 1,
    propagateDue: row.propagate_due === 1,
    run: runOf(row.run),
    childrenNotOk: row.children_not_ok ?? 0,
    heirsNotOk: row.heirs_not_ok ?? 0,
    barrierJudged: isTerminalCode(row.state) || row.judged === 1,
    cancelHeirs: row.cancel_heirs === 1,
    reviving: reviveOf(row.reviving ?? 0),
    staged: row.staged,
    pruning: reading.sql.tuple(selectPruning, row.seq) !== undefined,
  };
}
