import type { JobSummary } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { Reason, Role, State } from "../codes.ts";
import type { ListFilter, Page, PageRequest } from "../query.ts";
import { parseCursor } from "./cursor.ts";
import { type SummaryRow, summaryColumns, summaryJoins, summaryOf } from "./job-record.ts";
import type { Reading } from "./transactions.ts";

/** Rows that one statement looks through, and one page; what is not found by then is left to the next page. */
const windowRows = 2_000;
const pageRowsMax = 20_000;

/** A row to be matched; `place` orders the list and is its cursor. */
type Candidate = readonly [
  place: number,
  seq: number,
  lane: number,
  state: number,
  reason: number,
  root: number | null,
  updated: number,
  fingerprint: string | null,
];
type Window = (after: number, rows: number) => readonly Candidate[];

const columns = "seq, lane, state, reason, root, updated_at, fingerprint FROM job";
const selectAll = `SELECT seq, ${columns} WHERE seq < ?+0 ORDER BY seq DESC LIMIT ?+0`;
const selectDead = `
  SELECT seq, ${columns} INDEXED BY job_dead WHERE state = ${State.DEAD} AND seq < ?+0 ORDER BY seq DESC LIMIT ?+0`;
const selectChain = `SELECT seq, ${columns} INDEXED BY job_root WHERE root = ?+0 AND seq < ?+0 ORDER BY seq DESC LIMIT ?+0`;
const selectRoot = `SELECT seq, ${columns} WHERE seq = ? AND seq < ?+0`;
const selectBelow = (role: number): string => `
  SELECT position, ${columns} INDEXED BY job_below
  WHERE parent = ?+0 AND role = ${role} AND position > ?+0 ORDER BY position LIMIT ?+0`;
const selectChildren = selectBelow(Role.CHILD);
const selectHeirs = selectBelow(Role.HEIR);

const selectSeq = "SELECT seq FROM job WHERE id = ?";
const selectSummary = `SELECT ${summaryColumns} FROM job j ${summaryJoins} WHERE j.seq = ?+0`;

/** One page of the jobs that match: newest first, below a parent in declaration order. No statement is unbounded. */
export function listJobs(reading: Reading, filter: ListFilter, page: PageRequest): Page<JobSummary> {
  const cursor = page.cursor === undefined ? undefined : parseCursor(page.cursor);
  const isMatch = matcher(reading, filter);
  const window = windowOf(reading, filter);
  const first = filter.parentId === undefined ? Number.MAX_SAFE_INTEGER : -1;
  if (isMatch === undefined || window === undefined) return { items: [], cursor: undefined };
  const items: JobSummary[] = [];
  let after = cursor ?? first;
  for (let looked = 0; looked < pageRowsMax; looked += windowRows) {
    const rows = window(after, windowRows);
    for (const row of rows) {
      if (isMatch(row)) {
        if (items.length === page.size) return { items, cursor: String(after) };
        items.push(...summaryBySeq(reading, row[1]));
      }
      after = row[0];
    }
    if (rows.length < windowRows) return { items, cursor: undefined };
  }
  return { items, cursor: String(after) };
}

/** Rows in the order of the list, from the narrowest index that holds them all; undefined: no such root or parent. */
function windowOf(reading: Reading, filter: ListFilter): Window | undefined {
  const { sql } = reading;
  if (filter.parentId !== undefined) {
    const parent = seqOf(reading, filter.parentId);
    if (parent === undefined) return undefined;
    return (after, rows) => {
      const children = sql.tuples<Candidate>(selectChildren, parent, after, rows);
      const heirs = sql.tuples<Candidate>(selectHeirs, parent, after, rows);
      return [...children, ...heirs].sort((left, right) => left[0] - right[0]).slice(0, rows);
    };
  }
  if (filter.rootId !== undefined) {
    const root = seqOf(reading, filter.rootId);
    if (root === undefined) return undefined;
    return (after, rows) => {
      const below = sql.tuples<Candidate>(selectChain, root, after, rows);
      return below.length === rows ? below : [...below, ...sql.tuples<Candidate>(selectRoot, root, after)];
    };
  }
  const isDead = filter.states.length === 1 && filter.states[0] === "DEAD";
  return (after, rows) => sql.tuples<Candidate>(isDead ? selectDead : selectAll, after, rows);
}

/** The test that a row must pass; undefined when the kept counters say that no row can. */
function matcher(reading: Reading, filter: ListFilter): ((row: Candidate) => boolean) | undefined {
  const states = new Set<number>(filter.states.map((state) => State[state]));
  const lanes = lanesOf(reading, filter);
  const root = filter.rootId === undefined ? undefined : seqOf(reading, filter.rootId);
  if (!mayMatch(reading, states, lanes)) return undefined;
  const { errorFingerprint, updatedSince } = filter;
  return ([, seq, lane, state, reason, rootSeq, updated, fingerprint]) =>
    (states.size === 0 || states.has(state)) &&
    (lanes === undefined || lanes.has(lane)) &&
    (filter.rootId === undefined || (rootSeq ?? seq) === root) &&
    (filter.rootsOnly !== true || rootSeq === null) &&
    (errorFingerprint === undefined || fingerprint === errorFingerprint) &&
    (updatedSince === undefined || updated >= updatedSince) &&
    (filter.includeChainFailed || state !== State.DEAD || reason !== Reason.CHAIN_FAILED);
}

/** The lanes of the asked queue and type; undefined: any. */
function lanesOf(reading: Reading, filter: ListFilter): ReadonlySet<number> | undefined {
  const { queue, type } = filter;
  if (queue === undefined && type === undefined) return undefined;
  const queues = queue === undefined ? [...reading.mirror.queueNames()] : [queue];
  const lanes = queues.flatMap((name) => [...(reading.mirror.lanesOf(name)?.values() ?? [])]);
  return new Set(lanes.filter((lane) => type === undefined || lane.type === type).map((lane) => lane.id));
}

const selectCounts = "SELECT lane, state FROM counter WHERE lane > 0 AND n > 0";

function mayMatch(reading: Reading, states: ReadonlySet<number>, lanes: ReadonlySet<number> | undefined): boolean {
  return reading.sql
    .tuples<[number, number]>(selectCounts)
    .some(([lane, state]) => (states.size === 0 || states.has(state)) && (lanes === undefined || lanes.has(lane)));
}

function seqOf(reading: Reading, id: JobId): number | undefined {
  return reading.sql.tuple<[number]>(selectSeq, id)?.[0];
}

function summaryBySeq(reading: Reading, seq: number): JobSummary[] {
  const row = reading.sql.row<SummaryRow>(selectSummary, seq);
  return row === undefined ? [] : [summaryOf(reading, row)];
}
