import type { JobError } from "../../core/job.ts";
import type { JobId, LeaseId } from "../../core/names.ts";
import { isTerminalCode, Role, RunCode, reasonOf, State, stateOf } from "../codes.ts";
import type { ChildFilter, ChildResultRecord, Page, PageRequest } from "../query.ts";
import { parseCursor } from "./cursor.ts";
import { resultOf } from "./job-record.ts";
import { seqOfLease } from "./lease-id.ts";
import type { Reading } from "./transactions.ts";

interface ChildRow {
  readonly seq: number;
  readonly id: JobId;
  readonly position: number;
  readonly lane: number;
  readonly key: string | null;
  readonly state: number;
  readonly reason: number;
  readonly run: number;
  readonly result_of: number | null;
}

const windowRows = 500;
/** Children looked through by one page; the rest is left to the next. */
const pageRowsMax = 5_000;

const selectHeir = `
  SELECT parent FROM job
  WHERE seq = ? AND lease = ? AND state = ${State.RUNNING} AND role = ${Role.HEIR} AND parent IS NOT NULL`;
const selectChildren = `
  SELECT seq, id, position, lane, key, state, reason, run, result_of FROM job INDEXED BY job_below
  WHERE parent = ?+0 AND role = ${Role.CHILD} AND position > ?+0 ORDER BY position LIMIT ${windowRows}`;
const selectError = `
  SELECT error_name, error_message, error_stack FROM attempt
  WHERE seq = ?+0 AND error_name IS NOT NULL ORDER BY number DESC LIMIT 1`;

/** The children beside the heir that holds this live lease, in declaration order. */
export function listChildResults(
  reading: Reading,
  request: { readonly leaseId: LeaseId; readonly filter: ChildFilter; readonly page: PageRequest },
): Page<ChildResultRecord> | undefined {
  const { leaseId, filter, page } = request;
  const [parent] = reading.sql.tuple<[number]>(selectHeir, seqOfLease(leaseId), leaseId) ?? [];
  if (parent === undefined) return undefined;
  let after = page.cursor === undefined ? -1 : parseCursor(page.cursor);
  const items: ChildResultRecord[] = [];
  let bytes = 0;
  for (let looked = 0; looked < pageRowsMax; looked += windowRows) {
    const rows = reading.sql.rows<ChildRow>(selectChildren, parent, after);
    for (const row of rows) {
      const record = isWanted(reading, row, filter) ? recordOf(reading, row) : undefined;
      if (record !== undefined && (!filter.completedOnly || record.result !== undefined)) {
        bytes += bytesOf(record);
        const isFull = items.length === page.size || (items.length > 0 && bytes > filter.bytesMax);
        if (isFull) return { items, cursor: String(after) };
        items.push(record);
      }
      after = row.position;
    }
    if (rows.length < windowRows) return { items, cursor: undefined };
  }
  return { items, cursor: String(after) };
}

function isWanted(reading: Reading, row: ChildRow, filter: ChildFilter): boolean {
  if (filter.type !== undefined && reading.mirror.lane(row.lane).type !== filter.type) return false;
  return !filter.completedOnly || row.state === State.COMPLETED;
}

function recordOf(reading: Reading, row: ChildRow): ChildResultRecord {
  return {
    jobId: row.id,
    type: reading.mirror.lane(row.lane).type,
    key: row.key ?? "",
    state: stateOf(row.state),
    reason: isTerminalCode(row.state) ? reasonOf(row.reason) : undefined,
    result: resultOf(reading, row),
    error: row.run === RunCode.DEAD ? lastError(reading, row.seq) : undefined,
  };
}

function lastError(reading: Reading, seq: number): JobError | undefined {
  const found = reading.sql.tuple<[string, string, string]>(selectError, seq);
  return found === undefined ? undefined : { name: found[0], message: found[1], stack: found[2] };
}

/** As they travel: texts in UTF-8. */
function bytesOf({ error, result }: ChildResultRecord): number {
  const texts = error === undefined ? [] : [error.name, error.message, error.stack];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), result?.bytes.length ?? 0);
}
