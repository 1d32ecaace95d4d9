import type { QueueName, TypeName } from "../../core/names.ts";
import { State } from "../codes.ts";
import type { Lane } from "../effects.ts";
import type { QueueSettings } from "../queue.ts";
import { type QueueRow, queueSettingsOf, selectQueues } from "./queue-row.ts";
import type { Statements } from "./statements.ts";

/** What the store counts of itself, as states of lane 0. */
export const marks = { now: 0, seq: 1 } as const;

const selectMark = "SELECT n FROM counter WHERE lane = 0 AND state = ?";

/** A lane with its number in the file. */
export interface KnownLane extends Lane {
  readonly id: number;
}

/**
 * What the store remembers of the file's small tables, so that no hot statement reads them.
 * Only its owner writes the file, so it is right; it is dropped and read afresh whenever a transaction fails.
 */
export class Mirror {
  readonly #sql: Statements;
  readonly #lanes = new Map<number, KnownLane>();
  readonly #lanesByQueue = new Map<string, Map<string, KnownLane>>();
  readonly #names = new Map<string, number>();
  readonly #texts = new Map<number, string>();
  readonly #queues = new Map<string, QueueSettings>();
  /** Lanes that may hold ready jobs: a claim looks into no other. Never misses one; one too many costs a look. */
  readonly ready: Set<number> = new Set();
  /** The last number given to a job. */
  seq = 0;
  /** The latest time that was stored. */
  storedNow = 0;
  /** Removed roots may be remembered: only then an insert asks for them. */
  remembers = false;
  #stale = true;

  constructor(sql: Statements) {
    this.#sql = sql;
  }

  /** Forgets everything: the file may differ. */
  drop(): void {
    this.#stale = true;
  }

  /** Reads the file if that is due; called before any use. */
  load(): void {
    if (!this.#stale) return;
    for (const each of [this.#lanes, this.#lanesByQueue, this.#names, this.#texts, this.#queues, this.ready])
      each.clear();
    this.storedNow = this.#sql.tuple<[number]>(selectMark, marks.now)?.[0] ?? 0;
    this.seq = this.#sql.tuple<[number]>(selectMark, marks.seq)?.[0] ?? 0;
    for (const [id, queue, type] of this.#sql.tuples<[number, string, string]>("SELECT id, queue, type FROM lane")) {
      this.#addLane(id, queue, type);
    }
    for (const row of this.#sql.rows<QueueRow>(selectQueues)) this.#queues.set(row.name, queueSettingsOf(row));
    const filled = this.#sql.tuples<[number]>(`SELECT lane FROM counter WHERE state = ${State.READY} AND n > 0`);
    for (const [lane] of filled) this.ready.add(lane);
    this.remembers = this.#sql.tuple("SELECT 1 FROM tombstone WHERE expires_at > 0 LIMIT 1") !== undefined;
    this.#stale = false;
  }

  /** The lane's number; made when it is new. */
  laneOf(queue: QueueName, type: TypeName): KnownLane {
    const known = this.#lanesByQueue.get(queue)?.get(type);
    if (known !== undefined) return known;
    this.#sql.run("INSERT INTO lane (queue, type) VALUES (?, ?)", queue, type);
    const [id] = this.#sql.tuple<[number]>("SELECT id FROM lane WHERE queue = ? AND type = ?", queue, type) ?? [0];
    return this.#addLane(id, queue, type);
  }

  /** The lanes of a queue, by type; undefined when no job was ever in it. */
  lanesOf(queue: string): ReadonlyMap<string, KnownLane> | undefined {
    return this.#lanesByQueue.get(queue);
  }

  lane(id: number): KnownLane {
    const known = this.#lanes.get(id);
    if (known === undefined) throw new Error(`the store knows no lane ${id}`);
    return known;
  }

  /** The number of a shared text; made when it is new. */
  nameOf(text: string): number {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    this.#sql.run("INSERT OR IGNORE INTO name (text) VALUES (?)", text);
    const [id] = this.#sql.tuple<[number]>("SELECT id FROM name WHERE text = ?", text) ?? [0];
    return this.#addName(id, text);
  }

  /** The shared text of a number. */
  textOf(id: number): string {
    const known = this.#texts.get(id);
    if (known !== undefined) return known;
    const [text] = this.#sql.tuple<[string]>("SELECT text FROM name WHERE id = ?", id) ?? [];
    if (text === undefined) throw new Error(`the store knows no name ${id}`);
    this.#addName(id, text);
    return text;
  }

  /** What was set for a queue; undefined: nothing. */
  settingsOf(queue: string): QueueSettings | undefined {
    return this.#queues.get(queue);
  }

  /** Takes over settings that are in the file. */
  remember(queue: string, settings: QueueSettings): void {
    this.#queues.set(queue, settings);
  }

  /** Queues with settings or with a job ever. */
  queueNames(): ReadonlySet<string> {
    return new Set([...this.#queues.keys(), ...this.#lanesByQueue.keys()]);
  }

  #addLane(id: number, queue: string, type: string): KnownLane {
    // Names were checked before they were stored.
    const lane: KnownLane = { id, queue: queue as QueueName, type: type as TypeName };
    this.#lanes.set(id, lane);
    const types = this.#lanesByQueue.get(queue) ?? new Map<string, KnownLane>();
    this.#lanesByQueue.set(queue, types.set(type, lane));
    return lane;
  }

  /** Types and schemas are few; should a caller make them up, the mirror forgets and reads again. */
  #addName(id: number, text: string): number {
    if (this.#names.size >= namesMax) {
      this.#names.clear();
      this.#texts.clear();
    }
    this.#names.set(text, id);
    this.#texts.set(id, text);
    return id;
  }
}

const namesMax = 20_000;
