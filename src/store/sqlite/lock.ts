import Database from "better-sqlite3";
import { ConveyorError, type ErrorCode } from "../../core/errors.ts";
import { storageError } from "./storage-error.ts";

/** The right to be the only broker of a file, until it is released or the process ends, however it ends. */
export interface StoreLock {
  release(): void;
}

/**
 * Takes the lock beside the file: a database held by an exclusive transaction.
 * Throws STORE_IN_USE when another holds it, STORE_READ_ONLY when it cannot be made.
 */
export function lockStore(path: string): StoreLock {
  let db: Database.Database | undefined;
  try {
    db = new Database(`${path}-lock`, { timeout: 0 });
    db.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    db?.close();
    throw lockError(error, path);
  }
  const held = db;
  return {
    release: () => {
      held.close();
    },
  };
}

function lockError(error: unknown, path: string): unknown {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code.startsWith("SQLITE_BUSY")) {
    return refuse(
      "STORE_IN_USE",
      path,
      "is in use by another broker: stop that one, or give this one another path",
      error,
    );
  }
  if (code.startsWith("SQLITE_CANTOPEN")) {
    return refuse(
      "STORE_READ_ONLY",
      path,
      "has a folder in which no file can be made: make it writable for this user",
      error,
    );
  }
  return storageError(error, `${path}-lock`);
}

function refuse(code: ErrorCode, path: string, text: string, cause: unknown): ConveyorError {
  return new ConveyorError(code, `the store ${path} ${text}`, {
    cause,
    details: { resource: { type: "store", name: path } },
  });
}
