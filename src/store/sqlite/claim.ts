import type { JobId } from "../../core/names.ts";
import { State } from "../codes.ts";
import type { ClaimAnswer, ClaimItem, Lease } from "../commit.ts";
import { claimedBefore } from "./claimed-before.ts";
import { type LeaseRow, leaseColumns, leaseOf } from "./lease.ts";
import { leaseIdOf } from "./lease-id.ts";
import type { KnownLane } from "./mirror.ts";
import { liveSession } from "./session-row.ts";
import { count, countOf, type Step } from "./step.ts";

const readyColumns = leaseColumns("attempt + 1");

// The index is named, so that no statistics ever make the planner scan: a test holds the plans.
const selectFirst = `
  SELECT ${readyColumns} FROM job INDEXED BY job_ready CROSS JOIN payload ON payload.seq = job.seq
  WHERE lane = ?+0 AND state = ${State.READY}
  ORDER BY neg_priority, run_at, job.seq LIMIT ?+0`;

const selectPlaces = `
  SELECT seq, neg_priority, run_at FROM job INDEXED BY job_ready
  WHERE lane = ?+0 AND state = ${State.READY}
  ORDER BY neg_priority, run_at, seq LIMIT ?+0`;

const selectOne = `
  SELECT ${readyColumns} FROM job CROSS JOIN payload ON payload.seq = job.seq WHERE job.seq = ?+0`;

const takeLease = `
  UPDATE job SET
    state = ${State.RUNNING}, attempt = attempt + 1, lease = ?, session = ?, claimed_at = ?, updated_at = ?,
    version = version + 1, sent = 0, recorded = 0, problem = NULL
  WHERE seq = ? AND state = ${State.READY}`;

/** Leases ready jobs to a session: the asked queues in turn, each in the order priority, run time, insertion. */
export function claim(step: Step, item: ClaimItem): ClaimAnswer {
  const session = liveSession(step, item);
  if (session === undefined) return { kind: "gone" };
  const before = item.again === true ? claimedBefore(step, session.seq, item.nonce) : [];
  if (before.length > 0) return { kind: "claimed", leases: before };
  const leases: Lease[] = [];
  const { nonce } = item;
  const ids = new Map<number, JobId>();
  let bytes = 0;
  for (const { queue, types, jobsMax } of item.lanes) {
    const most = Math.min(jobsMax, item.jobsMax - leases.length, roomOf(step, queue), claimMax);
    for (const { row, lane } of readyJobs(step, lanesOf(step, queue, types), most)) {
      bytes += row[14];
      if (leases.length > 0 && bytes > item.bytesMax) return { kind: "claimed", leases };
      if (take(step, row, { session: session.seq, nonce, lane })) leases.push(leaseOf(step, row, { nonce, lane, ids }));
    }
  }
  return { kind: "claimed", leases };
}

/** How many more jobs of the queue may run. */
function roomOf(step: Step, queue: ClaimItem["lanes"][number]["queue"]): number {
  const settings = step.mirror.settingsOf(queue);
  if (settings === undefined) return Number.POSITIVE_INFINITY;
  if (settings.paused) return 0;
  if (settings.maxConcurrency === undefined) return Number.POSITIVE_INFINITY;
  let running = 0;
  for (const lane of step.mirror.lanesOf(queue)?.values() ?? []) running += countOf(step, lane.id, State.RUNNING);
  return Math.max(0, settings.maxConcurrency - running);
}

/** The asked lanes that may hold ready jobs, each once. */
function lanesOf(step: Step, queue: Lease["queue"], types: readonly string[]): KnownLane[] {
  const known = step.mirror.lanesOf(queue);
  if (known === undefined) return [];
  const asked = new Set(types.map((type) => known.get(type)).filter((lane) => lane !== undefined));
  return [...asked].filter((lane) => step.mirror.ready.has(lane.id));
}

/** Bounds what one claim takes from one queue, whatever is asked. */
const claimMax = 10_000;
/** Bounds the payloads that are read and then not wanted. */
const chunkRows = 64;

interface ReadyJob {
  readonly row: LeaseRow;
  readonly lane: KnownLane;
}

/** The first `most` ready jobs of the lanes together. Each must be taken before the next is asked for. */
function* readyJobs(step: Step, lanes: readonly KnownLane[], most: number): Iterable<ReadyJob> {
  const [only] = lanes;
  if (only === undefined || most <= 0) return;
  if (lanes.length > 1) {
    yield* readyJobsOfMany(step, lanes, most);
    return;
  }
  for (let left = most; left > 0; left -= chunkRows) {
    const limit = Math.min(left, chunkRows);
    const rows = step.sql.tuples<LeaseRow>(selectFirst, only.id, limit);
    for (const row of rows) yield { row, lane: only };
    if (rows.length < limit) {
      if (rows.length === 0) empty(step, only);
      return;
    }
  }
}

/** Merges the lanes by their places, and reads only the jobs that are wanted. */
function* readyJobsOfMany(step: Step, lanes: readonly KnownLane[], most: number): Iterable<ReadyJob> {
  const places = lanes.flatMap((lane) => {
    const rows = step.sql.tuples<[number, number, number]>(selectPlaces, lane.id, most);
    if (rows.length === 0) empty(step, lane);
    return rows.map(([seq, negPriority, runAt]) => ({ seq, negPriority, runAt, lane }));
  });
  places.sort((one, two) => one.negPriority - two.negPriority || one.runAt - two.runAt || one.seq - two.seq);
  for (const { seq, lane } of places.slice(0, most)) {
    const row = step.sql.tuple<LeaseRow>(selectOne, seq);
    if (row !== undefined) yield { row, lane };
  }
}

/** Until a job of the lane is ready again no claim looks into it. Forgotten if the transaction fails. */
function empty(step: Step, lane: KnownLane): void {
  step.mirror.ready.delete(lane.id);
}

interface ClaimBy {
  readonly session: number;
  readonly nonce: string;
  readonly lane: KnownLane;
}

function take(step: Step, [seq]: LeaseRow, { session, nonce, lane }: ClaimBy): boolean {
  const { changes } = step.sql.object(takeLease).run(leaseIdOf(seq, nonce), session, step.now, step.now, seq);
  if (changes === 0) return false;
  count(step, lane.id, State.READY, -1);
  count(step, lane.id, State.RUNNING, 1);
  return true;
}
