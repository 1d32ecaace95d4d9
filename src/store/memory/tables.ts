import { isTerminal, type JobState, type TerminalState } from "../../core/job.ts";
import type { JobId, LeaseId, QueueName, SessionId, TypeName } from "../../core/names.ts";
import { Journal } from "./journal.ts";
import { dropFrom, listOf, mapOf, sortedOf } from "./map-of-lists.ts";
import { Memories } from "./memories.ts";
import { byEnd, byInsertion, byRunTime, byTurn, type JobRow, type QueueRow, type SessionRow } from "./row.ts";
import { SortedList } from "./sorted-list.ts";

export type LaneCounts = Partial<Record<JobState, number>>;

/**
 * The rows and their indexes. An index is a function of the rows: `putJob` takes the old row out of every index and puts the
 * new one in. Every change leaves its undoing in a journal, so that a verb that throws can be taken back whole.
 */
export class Tables {
  readonly #jobs = new Map<JobId, JobRow>();
  readonly #sequence: JobId[] = [];
  readonly #children = new Map<JobId, JobId[]>();
  readonly #requests = new Map<string, JobId>();
  readonly #leases = new Map<LeaseId, JobId>();
  readonly #running = new Map<SessionId, SortedList<JobRow>>();
  readonly #ready = new Map<string, SortedList<JobRow>>();
  readonly #counts = new Map<QueueName, Map<TypeName, LaneCounts>>();
  readonly #chains = new Map<JobId, JobId[]>();
  readonly #stagedNodes = new Map<JobId, number>();
  readonly #endedRoots = new Map<string, SortedList<JobRow>>();
  readonly #sessions = new Map<SessionId, SessionRow>();
  readonly #queues = new Map<QueueName, QueueRow>();
  readonly waiting: SortedList<JobRow> = new SortedList(byRunTime);
  readonly propagateDue: SortedList<JobRow> = new SortedList(byInsertion);
  readonly cascadeDue: SortedList<JobRow> = new SortedList(byInsertion);
  readonly expandDue: SortedList<JobRow> = new SortedList(byInsertion);
  readonly pruning: SortedList<JobRow> = new SortedList(byInsertion);
  readonly journal: Journal = new Journal();
  readonly memories: Memories = new Memories(this.journal);

  // ---- jobs

  job(id: JobId): JobRow | undefined {
    return this.#jobs.get(id);
  }

  /** A row that must be there: a parent, a child, an indexed job. */
  mustJob(id: JobId): JobRow {
    const row = this.#jobs.get(id);
    if (row === undefined) throw new Error(`job ${id} is missing`);
    return row;
  }

  jobOfRequest(requestId: string): JobRow | undefined {
    const id = this.#requests.get(requestId);
    return id === undefined ? undefined : this.mustJob(id);
  }

  /** The job whose newest lease this is. */
  jobOfLease(leaseId: LeaseId): JobRow | undefined {
    const id = this.#leases.get(leaseId);
    return id === undefined ? undefined : this.mustJob(id);
  }

  /** Children and heirs, in declaration order, but for those that were taken away. */
  below(id: JobId): JobRow[] {
    return (this.#children.get(id) ?? []).flatMap((each) => this.#jobs.get(each) ?? []);
  }

  countBelow(id: JobId): number {
    return this.#children.get(id)?.length ?? 0;
  }

  /** The jobs of a chain and what was accepted to come into it. */
  chainNodes(rootId: JobId): number {
    return this.chain(rootId).length + (this.#stagedNodes.get(rootId) ?? 0);
  }

  /** The jobs of a chain, in insertion order. */
  chain(rootId: JobId): readonly JobId[] {
    return this.#chains.get(rootId) ?? [];
  }

  /** Staged nodes were accepted (or, below 0, put into the chain). */
  countStaged(rootId: JobId, by: number): void {
    this.journal.set(this.#stagedNodes, rootId, (this.#stagedNodes.get(rootId) ?? 0) + by || undefined);
  }

  /** The chain of the job is being removed. */
  isGoing(row: JobRow): boolean {
    return this.#jobs.get(row.rootId)?.pruning === true;
  }

  /** At most `max` terminal roots of a queue, those that ended first. */
  endedRoots(queue: QueueName, state: TerminalState, max: number): JobRow[] {
    return this.#endedRoots.get(`${queue} ${state}`)?.head(max) ?? [];
  }

  /** The sequence of the next insert. */
  get nextSequence(): number {
    return this.#sequence.length;
  }

  jobAt(sequence: number): JobRow | undefined {
    const id = this.#sequence[sequence];
    const row = id === undefined ? undefined : this.#jobs.get(id);
    return row?.sequence === sequence ? row : undefined; // an id may be used again once it is forgotten
  }

  jobs(): Iterable<JobRow> {
    return this.#jobs.values();
  }

  /** Running jobs of a session, in insertion order. */
  leasesOf(sessionId: SessionId): JobRow[] {
    return this.#running.get(sessionId)?.head() ?? [];
  }

  /** The job of this lane whose turn it is. */
  firstReady(queue: QueueName, type: TypeName): JobRow | undefined {
    return this.#ready.get(laneKey(queue, type))?.first();
  }

  readyTypes(queue: QueueName): TypeName[] {
    return [...(this.#counts.get(queue)?.keys() ?? [])].filter((type) => this.firstReady(queue, type) !== undefined);
  }

  ready(queue: QueueName, type: TypeName): JobRow[] {
    return this.#ready.get(laneKey(queue, type))?.head() ?? [];
  }

  insertJob(row: JobRow): void {
    if (this.#jobs.has(row.id)) throw new Error(`job ${row.id} is there already`);
    if (row.sequence !== this.#sequence.length) throw new Error("rows are inserted in the order of their sequence");
    this.#sequence.push(row.id);
    if (row.parentId !== undefined) listOf(this.#children, row.parentId).push(row.id);
    if (row.requestId !== undefined) this.#requests.set(row.requestId, row.id);
    listOf(this.#chains, row.rootId).push(row.id);
    this.#jobs.set(row.id, row);
    this.#index(row);
    this.journal.push(() => {
      this.#takeLast(row.id);
      this.#sequence.pop();
    });
  }

  putJob(row: JobRow): void {
    const before = this.#replace(row);
    this.journal.push(() => this.#replace(before));
  }

  /** Takes a row away as it stands, as an operator would behind the back of a store in a database; the edges of others still know it. */
  removeJob(id: JobId): void {
    const row = this.mustJob(id);
    this.#take(row);
    dropFrom(this.#chains, row.rootId, id);
  }

  /** Removes the newest job of a chain. */
  deleteJob(id: JobId): void {
    const row = this.#takeLast(id);
    this.journal.push(() => {
      if (row.parentId !== undefined) listOf(this.#children, row.parentId).push(id);
      if (row.requestId !== undefined) this.#requests.set(row.requestId, id);
      listOf(this.#chains, row.rootId).push(id);
      this.#jobs.set(id, row);
      this.#index(row);
    });
  }

  /** Takes the newest job of a chain out of it. */
  #takeLast(id: JobId): JobRow {
    const row = this.mustJob(id);
    this.#take(row);
    if (row.parentId !== undefined) dropFrom(this.#children, row.parentId, id);
    dropFrom(this.#chains, row.rootId, id);
    return row;
  }

  #take(row: JobRow): void {
    this.#unindex(row);
    this.#jobs.delete(row.id);
    if (row.requestId !== undefined) this.#requests.delete(row.requestId);
  }

  #replace(row: JobRow): JobRow {
    const before = this.mustJob(row.id);
    this.#unindex(before);
    this.#jobs.set(row.id, row);
    this.#index(row);
    return before;
  }

  #index(row: JobRow): void {
    this.#count(row, 1);
    if (row.lease !== undefined) this.#leases.set(row.lease.id, row.id);
    if (row.state === "READY") sortedOf(this.#ready, laneKey(row.queue, row.type), byTurn).add(row);
    if (row.state === "SCHEDULED" || row.state === "RETRYING") this.waiting.add(row);
    if (row.state === "RUNNING" && row.lease) sortedOf(this.#running, row.lease.sessionId, byInsertion).add(row);
    if (row.propagateDue) this.propagateDue.add(row);
    if (hasWorkBelow(row)) this.cascadeDue.add(row);
    if (row.staged?.due === true) this.expandDue.add(row);
    if (row.pruning) this.pruning.add(row);
    if (isEndedRoot(row)) sortedOf(this.#endedRoots, `${row.queue} ${row.state}`, byEnd).add(row);
  }

  #unindex(row: JobRow): void {
    this.#count(row, -1);
    if (row.lease !== undefined) this.#leases.delete(row.lease.id);
    if (row.state === "READY") this.#ready.get(laneKey(row.queue, row.type))?.remove(row);
    if (row.state === "SCHEDULED" || row.state === "RETRYING") this.waiting.remove(row);
    if (row.state === "RUNNING" && row.lease) this.#running.get(row.lease.sessionId)?.remove(row);
    if (row.propagateDue) this.propagateDue.remove(row);
    if (hasWorkBelow(row)) this.cascadeDue.remove(row);
    if (row.staged?.due === true) this.expandDue.remove(row);
    if (row.pruning) this.pruning.remove(row);
    if (isEndedRoot(row)) this.#endedRoots.get(`${row.queue} ${row.state}`)?.remove(row);
  }

  // ---- counters

  #count(row: JobRow, by: 1 | -1): void {
    const lanes = mapOf(this.#counts, row.queue);
    const counts = lanes.get(row.type) ?? {};
    lanes.set(row.type, counts);
    counts[row.state] = (counts[row.state] ?? 0) + by;
  }

  counts(queue: QueueName): ReadonlyMap<TypeName, Readonly<LaneCounts>> {
    return this.#counts.get(queue) ?? new Map();
  }

  /** Jobs in a state, over all queues. */
  countOf(state: JobState): number {
    const lanes = [...this.#counts.values()].flatMap((types) => [...types.values()]);
    return lanes.reduce((sum, counts) => sum + (counts[state] ?? 0), 0);
  }

  // ---- sessions

  session(id: SessionId): SessionRow | undefined {
    return this.#sessions.get(id);
  }

  sessions(): SessionRow[] {
    return [...this.#sessions.values()];
  }

  putSession(row: SessionRow): void {
    this.journal.set(this.#sessions, row.id, row);
  }

  deleteSession(id: SessionId): void {
    this.journal.set(this.#sessions, id, undefined);
  }

  // ---- queues

  queue(name: QueueName): QueueRow | undefined {
    return this.#queues.get(name);
  }

  queues(): QueueRow[] {
    return [...this.#queues.values()];
  }

  putQueue(row: QueueRow): void {
    this.journal.set(this.#queues, row.name, row);
  }
}

/** Something is to be brought back or cancelled below. */
function hasWorkBelow(row: JobRow): boolean {
  return row.cascade !== undefined || row.reviving !== undefined;
}

function isEndedRoot(row: JobRow): boolean {
  return row.parentId === undefined && isTerminal(row.state);
}

function laneKey(queue: QueueName, type: TypeName): string {
  return `${queue} ${type}`;
}
