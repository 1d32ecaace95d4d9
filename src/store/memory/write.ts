import type { EdgeEnd } from "../../core/chain.ts";
import { type EndReason, type HoldReason, isTerminal, type JobState, type ServerDefaults } from "../../core/job.ts";
import type { JobId, LeaseId, SessionId } from "../../core/names.ts";
import { type Move, placeOf, type Transition, transition } from "../../core/transition.ts";
import type { Effects, Lane } from "../effects.ts";
import type { JobRow } from "./row.ts";
import type { Tables } from "./tables.ts";

/** One write verb under way: its time, what it did to whom, and what it must still carry to direct parents. */
export interface Write {
  readonly tables: Tables;
  readonly now: number;
  readonly defaults: ServerDefaults;
  /** Jobs whose version was already raised by this write. */
  readonly changed: Set<JobId>;
  readonly transitions: Transition[];
  /** Ends that are to be counted at each parent. */
  readonly flips: Map<JobId, EdgeEnd[]>;
  readonly readied: Map<string, Lane>;
  readonly ended: Set<JobId>;
  readonly cancels: { readonly sessionId: SessionId; readonly leaseId: LeaseId; readonly reason: EndReason }[];
  propagateDue: boolean;
  cascadeDue: boolean;
  expandDue: boolean;
  dueAt: number | undefined;
}

export function beginWrite(tables: Tables, now: number, defaults: ServerDefaults): Write {
  return {
    tables,
    now,
    defaults,
    changed: new Set(),
    transitions: [],
    flips: new Map(),
    readied: new Map(),
    ended: new Set(),
    cancels: [],
    propagateDue: false,
    cascadeDue: false,
    expandDue: false,
    dueAt: undefined,
  };
}

export function effectsOf(write: Write): Effects {
  return {
    readied: [...write.readied.values()],
    ended: [...write.ended].map((id) => ({ id, state: write.tables.mustJob(id).state })),
    cancels: write.cancels,
    propagateDue: write.propagateDue,
    cascadeDue: write.cascadeDue,
    expandDue: write.expandDue,
    dueAt: write.dueAt,
  };
}

export type Patch = Partial<Omit<JobRow, "id" | "version" | "updatedAt" | "state" | "hold">>;

/** Changes a row without moving the job. */
export function change(write: Write, row: JobRow, patch: Patch): JobRow {
  const next = { ...row, ...patch, ...stamp(write, row) };
  write.tables.putJob(next);
  noteMarks(write, row, next);
  return next;
}

/** The new place of a job. */
export interface To {
  readonly state: JobState;
  readonly hold?: HoldReason;
}

/** The one way in which a job changes its state: refuses what the transition table does not have. */
export function move(write: Write, row: JobRow, kind: Move, to: To, patch: Patch = {}): JobRow {
  const next = { ...row, ...patch, ...stamp(write, row), state: to.state, hold: to.hold };
  const finished = isTerminal(next.state) ? { ...next, ...finish(write, next) } : next;
  write.transitions.push(transition(placeOf(row.state, row.hold), kind, placeOf(finished.state, finished.hold)));
  write.tables.putJob(finished);
  noteMarks(write, row, finished);
  noteMove(write, finished);
  return finished;
}

/** Puts a new job in. */
export function insert(write: Write, row: JobRow): JobRow {
  const finished = isTerminal(row.state) ? { ...row, ...finish(write, row) } : row;
  write.transitions.push(transition("NONE", "insert", placeOf(finished.state, finished.hold)));
  write.tables.insertJob(finished);
  write.changed.add(row.id);
  if (finished.run !== undefined) write.ended.add(row.id);
  noteMove(write, finished);
  return finished;
}

/** The version rises once per write. */
function stamp(write: Write, row: JobRow): Pick<JobRow, "version" | "updatedAt"> {
  const first = !write.changed.has(row.id);
  write.changed.add(row.id);
  return { version: first ? row.version + 1 : row.version, updatedAt: write.now };
}

function finish(write: Write, row: JobRow): Patch {
  return {
    finishedAt: write.now,
    reason: row.state === "COMPLETED" ? undefined : (row.reason ?? row.ownReason),
    cancelRequested: false,
    cancelHeirs: false,
    barrierJudged: true,
    cascade: undefined,
  };
}

function noteMarks(write: Write, before: JobRow, after: JobRow): void {
  if (before.run === undefined && after.run !== undefined) write.ended.add(after.id);
  if (!before.propagateDue && after.propagateDue) write.propagateDue = true;
  if (before.cascade !== after.cascade && after.cascade !== undefined) write.cascadeDue = true;
  if (before.reviving === undefined && after.reviving !== undefined) write.cascadeDue = true;
  if (before.staged?.due !== true && after.staged?.due === true) write.expandDue = true;
}

function noteMove(write: Write, row: JobRow): void {
  switch (row.state) {
    case "READY":
      write.readied.set(`${row.queue} ${row.type}`, { queue: row.queue, type: row.type });
      return;
    case "SCHEDULED":
    case "RETRYING":
      write.dueAt = Math.min(write.dueAt ?? row.runAt, row.runAt);
      return;
    case "COMPLETED":
    case "DEAD":
    case "CANCELLED":
      write.ended.add(row.id);
      return;
    default:
      return;
  }
}
