import { ConveyorError, type ErrorCode, isConveyorError } from "../../core/errors.ts";

/** What SQLite says, by the beginning of its code, and what to tell the user. */
const table: readonly (readonly [code: string, as: ErrorCode, text: string])[] = [
  ["SQLITE_FULL", "STORE_FULL", "is full: free space on its disk; nothing was changed"],
  ["SQLITE_IOERR", "STORE_UNAVAILABLE", "could not be read or written: look at its disk; nothing was changed"],
  ["SQLITE_CORRUPT", "STORE_CORRUPT", "is damaged: restore it from a backup"],
  ["SQLITE_NOTADB", "STORE_CORRUPT", "is not a SQLite database: choose another path, or move that file away"],
  ["SQLITE_READONLY", "STORE_READ_ONLY", "cannot be written: make the file and its folder writable for this user"],
  ["SQLITE_CANTOPEN", "STORE_UNAVAILABLE", "cannot be opened: look whether its folder exists and may be used"],
  ["SQLITE_BUSY", "STORE_UNAVAILABLE", "is locked by another program: close what has it open; nothing was changed"],
  ["SQLITE_LOCKED", "STORE_UNAVAILABLE", "is locked by another program: close what has it open; nothing was changed"],
  ["SQLITE_NOMEM", "STORE_UNAVAILABLE", "ran out of memory; nothing was changed"],
];

/** The one place where an error of SQLite becomes ours; any other error is answered as it is. */
export function storageError(error: unknown, location: string): unknown {
  if (isConveyorError(error)) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const known = table.find(([prefix]) => code.startsWith(prefix));
  if (known === undefined) return error;
  const [, as, text] = known;
  return new ConveyorError(as, `the store ${location} ${text} (${code})`, {
    cause: error,
    details: { resource: { type: "store", name: location } },
  });
}
