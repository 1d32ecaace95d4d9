import type { AttemptRecord, JobDetail, JobError, JobSummary, ProgressRecord, TypedBytes } from "../../core/job.ts";
import type { JobId, LeaseId, QueueName, SessionId, TypeName } from "../../core/names.ts";
import {
  holdOf,
  isTerminalCode,
  policyOf,
  reasonOf,
  recordedOf,
  reviveOf,
  roleOf,
  runOf,
  State,
  stateOf,
  triggerOf,
} from "../codes.ts";
import type { DumpedJob } from "../dump.ts";
import { bytesOf, listOf, numberOf, textOf, type Unpacked, unpack } from "./msgpack.ts";
import { type JobRecord, readRecord } from "./record.ts";
import { leaseIdOf } from "./shards.ts";

/** A row of `lua/read-job.lua` with its values taken apart. */
interface JobRow {
  readonly number: number;
  readonly record: JobRecord;
  readonly payload: Buffer;
  readonly schemaId: string;
  readonly principal: string;
  readonly requestId: string;
  /** JSON, or empty for none. */
  readonly metadata: string;
  readonly key: string;
  readonly rootId: JobId;
  readonly parentId: JobId | undefined;
  readonly barrier: Barrier | undefined;
  readonly queue: QueueName;
  readonly type: TypeName;
}

interface Barrier {
  readonly pendingChildren: number;
  readonly pendingHeirs: number;
  readonly childrenNotOk: number;
  readonly heirsNotOk: number;
  readonly isJudged: boolean;
  readonly reviving: DumpedJob["reviving"];
  readonly staged: number;
}

interface WorkerName {
  readonly sessionId: SessionId;
  readonly worker: string;
}

// Names in the store were checked before they were stored: hence the casts of this file.
function rowOf(values: readonly Unpacked[]): JobRow {
  const [number, bytes, own, more, barrier, lane] = values;
  const [payload, schemaId, principal, requestId, key] = listOf(own);
  const [metadata, rootId, parentId] = listOf(more);
  const record = readRecord(bytesOf(bytes));
  const laneText = textOf(lane);
  const split = laneText.indexOf(" ");
  return {
    number: numberOf(number),
    record,
    payload: bytesOf(payload),
    schemaId: textOf(schemaId),
    principal: textOf(principal),
    requestId: textOf(requestId),
    metadata: textOf(metadata),
    key: textOf(key),
    rootId: rootId === undefined ? record.id : (textOf(rootId) as JobId),
    parentId: parentId === undefined ? undefined : (textOf(parentId) as JobId),
    barrier: barrier === false ? undefined : barrierOf(bytesOf(barrier)),
    queue: laneText.slice(0, split) as QueueName,
    type: laneText.slice(split + 1) as TypeName,
  };
}

function barrierOf(packed: Buffer): Barrier {
  const values = listOf(unpack(packed));
  const [pendingChildren, pendingHeirs, childrenNotOk, heirsNotOk, judged] = values;
  const [reviving = 0, , , staged = 0] = values.slice(13);
  return {
    pendingChildren: numberOf(pendingChildren),
    pendingHeirs: numberOf(pendingHeirs),
    childrenNotOk: numberOf(childrenNotOk),
    heirsNotOk: numberOf(heirsNotOk),
    isJudged: judged === 1,
    reviving: reviveOf(numberOf(reviving)),
    staged: numberOf(staged),
  };
}

/** A job from a row that stands in the answer of a script. */
export function summaryOf(row: Unpacked): JobSummary {
  return summary(rowOf(listOf(row)));
}

function summary(row: JobRow): JobSummary {
  const { record, barrier } = row;
  const isTerminal = isTerminalCode(record.state);
  return {
    id: record.id,
    type: row.type,
    queue: row.queue,
    state: stateOf(record.state),
    hold: holdOf(record.hold),
    reason: isTerminal ? reasonOf(record.reason) : undefined,
    priority: record.priority,
    runAt: record.runAt,
    createdAt: record.createdAt,
    updatedAt: record.updatedAt,
    ranAt: record.run === 0 ? undefined : record.ranAt,
    finishedAt: isTerminal ? record.finishedAt : undefined,
    version: record.version,
    epoch: record.epoch,
    attempt: record.attempt,
    failureCount: record.failures,
    crashCount: record.crashes,
    snoozeCount: record.snoozes,
    releaseCount: record.releases,
    maxAttempts: record.options.maxAttempts,
    backoff: record.options.backoff,
    timeoutMs: record.options.timeoutMs,
    rootId: row.rootId,
    parentId: row.parentId,
    role: roleOf(record.role),
    depth: record.depth,
    key: row.key,
    policy: policyOf(record.policy),
    trigger: triggerOf(record.trigger),
    asResult: record.asResult,
    pendingChildren: barrier?.pendingChildren ?? 0,
    pendingHeirs: barrier?.pendingHeirs ?? 0,
    cancelRequested: record.cancel !== 0 && !isTerminal,
    schemaId: row.schemaId,
    payloadBytes: record.payloadBytes,
    principal: row.principal,
    requestId: row.requestId === "" ? undefined : row.requestId,
    errorFingerprint: record.fingerprint,
  };
}

/** A job with everything, from a detail that stands in the answer of a script. */
export function detailOf(detail: Unpacked): JobDetail {
  const values = listOf(detail);
  const row = rowOf(values);
  return detailOfRow(row, values);
}

function detailOfRow(row: JobRow, values: readonly Unpacked[]): JobDetail {
  const [, , , , , , result, attempts, workers, progress] = values;
  const shown = attemptsOf(row.record, listOf(attempts), workersOf(listOf(workers)));
  return {
    ...summary(row),
    payload: { type: row.type, bytes: row.payload },
    result: resultOf(result),
    // Written by our own JSON.stringify alone.
    metadata: row.metadata === "" ? {} : (JSON.parse(row.metadata) as Readonly<Record<string, string>>),
    attempts: shown,
    attemptsOmitted: row.record.attempt - shown.length,
    progress: progressOf(progress),
  };
}

/** Packed progress; false: none was reported. */
function progressOf(packed: Unpacked | undefined): ProgressRecord | undefined {
  if (packed === undefined || packed === false) return undefined;
  const [attempt, at, bytes] = listOf(unpack(bytesOf(packed)));
  return { attempt: numberOf(attempt), at: numberOf(at), bytes: bytesOf(bytes) };
}

/** A packed result; false: none. */
export function resultOf(packed: Unpacked | undefined): TypedBytes | undefined {
  if (packed === undefined || packed === false) return undefined;
  const [type, bytes] = listOf(unpack(bytesOf(packed)));
  return { type: textOf(type) as TypeName, bytes: bytesOf(bytes) };
}

/** The error of a packed attempt; undefined: it has none. */
export function errorOf(packed: Unpacked): JobError | undefined {
  const [, , , , , name, message, stack] = listOf(unpack(bytesOf(packed)));
  return name === undefined ? undefined : { name: textOf(name), message: textOf(message), stack: textOf(stack) };
}

function workersOf(flat: readonly Unpacked[]): ReadonlyMap<number, WorkerName> {
  const workers = new Map<number, WorkerName>();
  for (let index = 0; index < flat.length; index += 2) {
    const packed = flat[index + 1];
    if (packed === false || packed === undefined) continue;
    const [sessionId, , worker] = listOf(unpack(bytesOf(packed)));
    workers.set(numberOf(flat[index]), { sessionId: textOf(sessionId) as SessionId, worker: textOf(worker) });
  }
  return workers;
}

/** History as it is shown: what is kept of ended attempts, then the newest when the record alone says all of it. */
function attemptsOf(
  record: JobRecord,
  flat: readonly Unpacked[],
  workers: ReadonlyMap<number, WorkerName>,
): readonly AttemptRecord[] {
  const named = (session: number): WorkerName => workers.get(session) ?? { sessionId: "" as SessionId, worker: "" };
  const attempts: AttemptRecord[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    const packed = bytesOf(flat[index + 1]);
    const [outcome, session, claimedAt, endedAt, epoch] = listOf(unpack(packed)).slice(0, 5).map(numberOf);
    attempts.push({
      number: numberOf(flat[index]),
      outcome: recordedOf(outcome ?? 0),
      ...named(session ?? 0),
      claimedAt: claimedAt ?? 0,
      endedAt,
      error: errorOf(packed),
      epoch: epoch ?? 0,
    });
  }
  if (record.attempt === 0 || attempts.at(-1)?.number === record.attempt) return attempts;
  const isRunning = record.state === State.RUNNING;
  attempts.push({
    number: record.attempt,
    outcome: isRunning ? undefined : recordedOf(record.recorded),
    ...named(record.session),
    claimedAt: record.claimedAt,
    endedAt: isRunning ? undefined : record.ranAt,
    error: undefined,
    epoch: record.epoch,
  });
  return attempts;
}

/** What a dump says of a job of this shard, but for its place among its siblings, with the numbers that tell that place. */
export function dumpedOf(
  shard: number,
  detail: Unpacked,
): { readonly job: Omit<DumpedJob, "position">; readonly number: number; readonly parent: number } {
  const values = listOf(detail);
  const row = rowOf(values);
  const { record, barrier, number } = row;
  const isLive = record.state === State.RUNNING;
  const job = detailOfRow(row, values);
  const lease: LeaseId = leaseIdOf({ shard, job: number, nonce: record.nonce });
  return {
    number,
    parent: record.parent,
    job: {
      ...job,
      leaseId: isLive ? lease : undefined,
      sessionId: isLive ? (job.attempts.at(-1)?.sessionId as SessionId | undefined) : undefined,
      edgeFlipped: record.parent === 0 ? undefined : record.edgeFlipped,
      propagateDue: record.propagateDue,
      run: runOf(record.run),
      childrenNotOk: barrier?.childrenNotOk ?? 0,
      heirsNotOk: barrier?.heirsNotOk ?? 0,
      barrierJudged: isTerminalCode(record.state) || barrier?.isJudged === true,
      cancelHeirs: record.cancelHeirs,
      reviving: barrier?.reviving,
      staged: (barrier?.staged ?? 0) + numberOf(values[10]),
      pruning: values[11] === true,
    },
  };
}
