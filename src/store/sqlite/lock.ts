import Database from "better-sqlite3";
import { ConveyorError } from "../../core/errors.ts";

/** The right to be the only broker of a file, until it is released or the process ends, however it ends. */
export interface StoreLock {
  release(): void;
}

/** Takes the lock beside the file: a database held by an exclusive transaction. Throws STORE_IN_USE when another holds it. */
export function lockStore(path: string): StoreLock {
  const db = new Database(`${path}-lock`, { timeout: 0 });
  try {
    db.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    db.close();
    const isBusy = error instanceof Error && "code" in error && String(error.code).startsWith("SQLITE_BUSY");
    if (!isBusy) throw error;
    throw new ConveyorError(
      "STORE_IN_USE",
      `the store ${path} is in use by another broker: stop that one, or give this one another path`,
      { cause: error, details: { resource: { type: "store", name: path } } },
    );
  }
  return {
    release: () => {
      db.close();
    },
  };
}
