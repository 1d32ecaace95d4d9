import type { JobState } from "../../core/job.ts";
import type { JobId, LeaseId, QueueName, SessionId, TypeName } from "../../core/names.ts";
import { byInsertion, byRunTime, byTurn, type JobRow, type QueueRow, type SessionRow } from "./row.ts";
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
  readonly #chainNodes = new Map<JobId, number>();
  readonly #sessions = new Map<SessionId, SessionRow>();
  readonly #queues = new Map<QueueName, QueueRow>();
  readonly waiting: SortedList<JobRow> = new SortedList(byRunTime);
  readonly propagateDue: SortedList<JobRow> = new SortedList(byInsertion);
  readonly cascadeDue: SortedList<JobRow> = new SortedList(byInsertion);
  #journal: (() => void)[] = [];

  // ---- undoing

  savepoint(): number {
    return this.#journal.length;
  }

  rollback(savepoint: number): void {
    while (this.#journal.length > savepoint) this.#journal.pop()?.();
  }

  /** Forgets how to undo what was done. */
  commit(): void {
    this.#journal = [];
  }

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

  chainNodes(rootId: JobId): number {
    return this.#chainNodes.get(rootId) ?? 0;
  }

  /** The sequence of the next insert, and the number of jobs. */
  get nextSequence(): number {
    return this.#sequence.length;
  }

  jobAt(sequence: number): JobRow | undefined {
    const id = this.#sequence[sequence];
    return id === undefined ? undefined : this.#jobs.get(id);
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
    this.#chainNodes.set(row.rootId, this.chainNodes(row.rootId) + 1);
    this.#jobs.set(row.id, row);
    this.#index(row);
    this.#journal.push(() => this.#undoInsert(row.id));
  }

  putJob(row: JobRow): void {
    const before = this.#replace(row);
    this.#journal.push(() => this.#replace(before));
  }

  /** Takes a row away as it stands, as an operator would behind the back of a store in a database; the edges of others still know it. */
  removeJob(id: JobId): void {
    const row = this.mustJob(id);
    this.#unindex(row);
    this.#jobs.delete(id);
    this.#chainNodes.set(row.rootId, this.chainNodes(row.rootId) - 1);
    if (row.requestId !== undefined) this.#requests.delete(row.requestId);
  }

  #undoInsert(id: JobId): void {
    const row = this.mustJob(id);
    this.#unindex(row);
    this.#jobs.delete(id);
    this.#chainNodes.set(row.rootId, this.chainNodes(row.rootId) - 1);
    if (row.requestId !== undefined) this.#requests.delete(row.requestId);
    if (row.parentId !== undefined) this.#children.get(row.parentId)?.pop();
    this.#sequence.pop();
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
    if (row.cascade !== undefined) this.cascadeDue.add(row);
  }

  #unindex(row: JobRow): void {
    this.#count(row, -1);
    if (row.lease !== undefined) this.#leases.delete(row.lease.id);
    if (row.state === "READY") this.#ready.get(laneKey(row.queue, row.type))?.remove(row);
    if (row.state === "SCHEDULED" || row.state === "RETRYING") this.waiting.remove(row);
    if (row.state === "RUNNING" && row.lease) this.#running.get(row.lease.sessionId)?.remove(row);
    if (row.propagateDue) this.propagateDue.remove(row);
    if (row.cascade !== undefined) this.cascadeDue.remove(row);
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

  // ---- sessions

  session(id: SessionId): SessionRow | undefined {
    return this.#sessions.get(id);
  }

  sessions(): SessionRow[] {
    return [...this.#sessions.values()];
  }

  putSession(row: SessionRow): void {
    this.#setIn(this.#sessions, row.id, row);
  }

  deleteSession(id: SessionId): void {
    this.#setIn(this.#sessions, id, undefined);
  }

  // ---- queues

  queue(name: QueueName): QueueRow | undefined {
    return this.#queues.get(name);
  }

  queues(): QueueRow[] {
    return [...this.#queues.values()];
  }

  putQueue(row: QueueRow): void {
    this.#setIn(this.#queues, row.name, row);
  }

  #setIn<Key, Row>(map: Map<Key, Row>, key: Key, row: Row | undefined): void {
    const before = map.get(key);
    set(map, key, row);
    this.#journal.push(() => set(map, key, before));
  }
}

function laneKey(queue: QueueName, type: TypeName): string {
  return `${queue} ${type}`;
}

function set<Key, Row>(map: Map<Key, Row>, key: Key, row: Row | undefined): void {
  if (row === undefined) map.delete(key);
  else map.set(key, row);
}

function listOf<Key, Item>(map: Map<Key, Item[]>, key: Key): Item[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}

function mapOf<Key, Inner, Value>(map: Map<Key, Map<Inner, Value>>, key: Key): Map<Inner, Value> {
  const inner = map.get(key) ?? new Map<Inner, Value>();
  map.set(key, inner);
  return inner;
}

function sortedOf<Key>(
  map: Map<Key, SortedList<JobRow>>,
  key: Key,
  compare: (left: JobRow, right: JobRow) => number,
): SortedList<JobRow> {
  const list = map.get(key) ?? new SortedList(compare);
  map.set(key, list);
  return list;
}
