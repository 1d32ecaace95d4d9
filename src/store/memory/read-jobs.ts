import { ConveyorError } from "../../core/errors.ts";
import type { JobDetail, JobSummary, TypedBytes } from "../../core/job.ts";
import type { DumpedJob } from "../dump.ts";
import type { JobStatus, ListFilter, Page, PageRequest } from "../query.ts";
import { shownAttempts } from "./attempts.ts";
import type { JobRow } from "./row.ts";
import type { Tables } from "./tables.ts";

/** A job without what only this store knows. Field by field: taking the rest of a row makes slow objects of all of them. */
function summaryOf(row: JobRow): JobSummary {
  return {
    id: row.id,
    type: row.type,
    queue: row.queue,
    state: row.state,
    hold: row.hold,
    reason: row.reason,
    priority: row.priority,
    runAt: row.runAt,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    ranAt: row.ranAt,
    finishedAt: row.finishedAt,
    version: row.version,
    epoch: row.epoch,
    attempt: row.attempt,
    failureCount: row.failureCount,
    crashCount: row.crashCount,
    snoozeCount: row.snoozeCount,
    releaseCount: row.releaseCount,
    maxAttempts: row.maxAttempts,
    backoff: row.backoff,
    timeoutMs: row.timeoutMs,
    rootId: row.rootId,
    parentId: row.parentId,
    role: row.role,
    depth: row.depth,
    key: row.key,
    policy: row.policy,
    trigger: row.trigger,
    asResult: row.asResult,
    pendingChildren: row.pendingChildren,
    pendingHeirs: row.pendingHeirs,
    cancelRequested: row.cancelRequested,
    schemaId: row.schemaId,
    payloadBytes: row.payloadBytes,
    principal: row.principal,
    requestId: row.requestId,
    errorFingerprint: row.errorFingerprint,
  };
}

export function detailOf(tables: Tables, row: JobRow): JobDetail {
  return {
    ...summaryOf(row),
    payload: { type: row.type, bytes: row.payload },
    result: resultOf(tables, row),
    metadata: row.metadata,
    ...shownAttempts(row),
    progress: row.progress,
  };
}

export function dumpedOf(tables: Tables, row: JobRow): DumpedJob {
  const live = row.state === "RUNNING" ? row.lease : undefined;
  return {
    ...detailOf(tables, row),
    leaseId: live?.id,
    sessionId: live?.sessionId,
    position: row.position,
    edgeFlipped: row.edgeFlipped,
    propagateDue: row.propagateDue,
    run: row.run,
    childrenNotOk: row.childrenNotOk,
    heirsNotOk: row.heirsNotOk,
    barrierJudged: row.barrierJudged,
    cancelHeirs: row.cancelHeirs,
    reviving: row.reviving?.scope,
    staged: row.staged?.nodes.length ?? 0,
    pruning: row.pruning,
  };
}

/** Its own result, or that of the as_result heir which stands in for it. */
export function resultOf(tables: Tables, row: JobRow): TypedBytes | undefined {
  return row.resultOf === undefined ? row.ownResult : tables.job(row.resultOf)?.ownResult;
}

export function statusOf(row: JobRow): JobStatus {
  return { state: row.state, ran: row.ranAt !== undefined, version: row.version };
}

/** Newest first; with a parent in declaration order. */
export function listJobs(tables: Tables, filter: ListFilter, page: PageRequest): Page<JobSummary> {
  const cursor = page.cursor === undefined ? undefined : parseCursor(page.cursor);
  const items: JobSummary[] = [];
  let last = 0;
  for (const [place, row] of candidates(tables, filter, cursor)) {
    if (!matches(row, filter)) continue;
    if (items.length === page.size) return { items, cursor: String(last) };
    items.push(summaryOf(row));
    last = place;
  }
  return { items, cursor: undefined };
}

/** Rows after the cursor, each with its place, in the order of the answer. */
function* candidates(tables: Tables, filter: ListFilter, cursor: number | undefined): Iterable<[number, JobRow]> {
  if (filter.parentId !== undefined) {
    const first = cursor === undefined ? 0 : cursor + 1;
    for (const row of tables.below(filter.parentId).slice(first)) yield [row.position, row];
    return;
  }
  for (let sequence = (cursor ?? tables.nextSequence) - 1; sequence >= 0; sequence -= 1) {
    const row = tables.jobAt(sequence);
    if (row !== undefined) yield [sequence, row];
  }
}

function matches(row: JobRow, filter: ListFilter): boolean {
  return (
    (filter.rootId === undefined || row.rootId === filter.rootId) &&
    (filter.queue === undefined || row.queue === filter.queue) &&
    (filter.type === undefined || row.type === filter.type) &&
    (filter.states.length === 0 || filter.states.includes(row.state)) &&
    (filter.includeChainFailed || row.reason !== "CHAIN_FAILED") &&
    (filter.errorFingerprint === undefined || row.errorFingerprint === filter.errorFingerprint) &&
    (filter.updatedSince === undefined || row.updatedAt >= filter.updatedSince) &&
    (filter.rootsOnly !== true || row.role === "ROOT")
  );
}

/** Reads a cursor that this store made. */
export function parseCursor(cursor: string): number {
  if (!/^[0-9]{1,15}$/.test(cursor)) {
    throw new ConveyorError("BAD_TOKEN", "the page token is not one of this list; start again without it");
  }
  return Number(cursor);
}
