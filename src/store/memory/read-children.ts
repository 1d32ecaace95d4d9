import type { JobError } from "../../core/job.ts";
import type { LeaseId } from "../../core/names.ts";
import type { ChildFilter, ChildResultRecord, Page, PageRequest } from "../query.ts";
import { parseCursor, resultOf } from "./read-jobs.ts";
import type { JobRow } from "./row.ts";
import type { Tables } from "./tables.ts";

/** The children beside the heir that holds this live lease, in declaration order. */
export function listChildResults(
  tables: Tables,
  request: { readonly leaseId: LeaseId; readonly filter: ChildFilter; readonly page: PageRequest },
): Page<ChildResultRecord> | undefined {
  const { leaseId, filter, page } = request;
  const heir = tables.jobOfLease(leaseId);
  if (heir?.state !== "RUNNING" || heir.role !== "HEIR" || heir.parentId === undefined) return undefined;
  const after = page.cursor === undefined ? -1 : parseCursor(page.cursor);
  const items: ChildResultRecord[] = [];
  let bytes = 0;
  let last = after;
  for (const row of tables.below(heir.parentId).slice(after + 1)) {
    const record = recordOf(tables, row);
    if (row.role !== "CHILD" || !wanted(record, filter)) continue;
    bytes += bytesOf(record);
    const full = items.length === page.size || (items.length > 0 && bytes > filter.bytesMax);
    if (full) return { items, cursor: String(last) };
    items.push(record);
    last = row.position;
  }
  return { items, cursor: undefined };
}

function wanted(record: ChildResultRecord, filter: ChildFilter): boolean {
  if (filter.type !== undefined && record.type !== filter.type) return false;
  return !filter.completedOnly || (record.state === "COMPLETED" && record.result !== undefined);
}

function recordOf(tables: Tables, row: JobRow): ChildResultRecord {
  return {
    jobId: row.id,
    type: row.type,
    key: row.key,
    state: row.state,
    reason: row.reason,
    result: resultOf(tables, row),
    error: row.run === "DEAD" ? lastError(row) : undefined,
  };
}

function lastError(row: JobRow): JobError | undefined {
  return row.attempts.findLast((attempt) => attempt.error !== undefined)?.error;
}

/** As they travel: texts in UTF-8. */
function bytesOf({ error, result }: ChildResultRecord): number {
  const texts = error === undefined ? [] : [error.name, error.message, error.stack];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text), result?.bytes.length ?? 0);
}
