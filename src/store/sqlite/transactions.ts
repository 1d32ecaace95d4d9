import type Database from "better-sqlite3";
import type { ServerDefaults } from "../../core/job.ts";
import { Mirror } from "./mirror.ts";
import { Statements } from "./statements.ts";
import { newStep, type Step, writeGathered } from "./step.ts";
import { storageError } from "./storage-error.ts";

/** How hard a commit is made durable: FULL survives a power cut, NORMAL the end of the process, OFF neither for sure. */
export type Synchronous = "FULL" | "NORMAL" | "OFF";

/** What a read needs of a transaction. */
export type Reading = Pick<Step, "sql" | "mirror" | "defaults" | "now">;

export interface TransactionOptions {
  readonly location: string;
  readonly defaults: ServerDefaults;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly synchronous: Synchronous;
}

/**
 * The one writer of the file. Open: each transaction is done whole or, when it throws, leaves file and memory as they were.
 * The time never goes back, across restarts either.
 */
export class Transactions {
  readonly #db: Database.Database;
  readonly #options: TransactionOptions;
  readonly #sql: Statements;
  readonly #mirror: Mirror;
  #now = 0;
  #synchronous: Synchronous | undefined;

  constructor(db: Database.Database, options: TransactionOptions) {
    this.#db = db;
    this.#options = options;
    this.#sql = new Statements(db);
    this.#mirror = new Mirror(this.#sql);
  }

  /** Does `work` in a transaction that is durable when this returns. */
  write<T>(work: (step: Step) => T): T {
    return this.#transact(work, this.#options.synchronous);
  }

  /** Does `work` in a transaction that acknowledges nothing: a power cut may undo it, which is as if it had come a moment earlier. */
  writeSoft<T>(work: (step: Step) => T): T {
    return this.#transact(work, this.#options.synchronous === "OFF" ? "OFF" : "NORMAL");
  }

  read<T>(work: (reading: Reading) => T): T {
    try {
      return work(this.#reading());
    } catch (error) {
      throw storageError(error, this.#options.location);
    }
  }

  #transact<T>(work: (step: Step) => T, synchronous: Synchronous): T {
    try {
      this.#setSynchronous(synchronous);
      this.#sql.run("BEGIN IMMEDIATE");
      const step = newStep(this.#reading());
      const before = this.#sql.changed;
      const answer = work(step);
      if (step.counts.size > 0 || this.#sql.changed > before) writeGathered(step);
      this.#sql.run("COMMIT");
      return answer;
    } catch (error) {
      this.#undo();
      throw storageError(error, this.#options.location);
    }
  }

  #reading(): Reading {
    this.#mirror.load();
    this.#now = Math.max(this.#now, this.#mirror.storedNow, this.#options.clock());
    return { sql: this.#sql, mirror: this.#mirror, defaults: this.#options.defaults, now: this.#now };
  }

  /** Some errors have ended the transaction already; what memory holds is read afresh in any case. */
  #undo(): void {
    this.#mirror.drop();
    if (this.#db.inTransaction) this.#sql.run("ROLLBACK");
  }

  /** By exec, since the pragma acts when it is prepared. */
  #setSynchronous(synchronous: Synchronous): void {
    if (this.#synchronous === synchronous) return;
    this.#db.exec(`PRAGMA synchronous = ${synchronous}`);
    this.#synchronous = synchronous;
  }
}
