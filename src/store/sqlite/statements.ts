import type Database from "better-sqlite3";

/** What a column or a parameter can be; integers are plain numbers. */
export type Value = string | number | Uint8Array | null;

type Prepared = Database.Statement<Value[], unknown>;

/**
 * The prepared statements of one connection, each made at its first use and kept; keyed by their text.
 *
 * A parameter that the planner may look at is written `?+0` or `''||?` all over this store: in a LIMIT, and in conditions of
 * queries with a partial index or a join. SQLite, built with STAT4 as here, prepares such a statement afresh whenever the
 * value of a bare `?` changes: 15 µs and more each time. A lookup by primary key or unique id alone is not concerned.
 */
export class Statements {
  readonly #db: Database.Database;
  readonly #objects = new Map<string, Prepared>();
  readonly #tuples = new Map<string, Prepared>();

  constructor(db: Database.Database) {
    this.#db = db;
  }

  /** Rows changed through \`run\` since the connection was opened: tells a transaction that wrote from one that did not. */
  changed = 0;

  /** Runs a statement that gives no rows; answers how many rows it changed. */
  run(text: string, ...values: Value[]): number {
    const { changes } = this.object(text).run(...values);
    this.changed += changes;
    return changes;
  }

  /** The first row as an object of its columns. `Row` is the caller's word for what `text` selects. */
  row<Row>(text: string, ...values: Value[]): Row | undefined {
    return this.object(text).get(...values) as Row | undefined;
  }

  /** All rows as objects: the statement itself must bound them. */
  rows<Row>(text: string, ...values: Value[]): Row[] {
    return this.object(text).all(...values) as Row[];
  }

  /** The first row as an array of its columns: cheaper than an object. */
  tuple<Row extends readonly Value[]>(text: string, ...values: Value[]): Row | undefined {
    return this.raw(text).get(...values) as Row | undefined;
  }

  /** All rows as arrays of their columns. */
  tuples<Row extends readonly Value[]>(text: string, ...values: Value[]): Row[] {
    return this.raw(text).all(...values) as Row[];
  }

  /** The statement itself, for loops over hundreds of rows. */
  object(text: string): Prepared {
    const known = this.#objects.get(text);
    if (known !== undefined) return known;
    const made = this.#db.prepare<Value[], unknown>(text);
    this.#objects.set(text, made);
    return made;
  }

  /** As `object`, giving rows as arrays. */
  raw(text: string): Prepared {
    const known = this.#tuples.get(text);
    if (known !== undefined) return known;
    const made = this.#db.prepare<Value[], unknown>(text).raw(true);
    this.#tuples.set(text, made);
    return made;
  }
}
