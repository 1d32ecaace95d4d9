import { accessSync, constants, existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { ConveyorError, type ErrorCode } from "../../core/errors.ts";
import { storageError } from "./storage-error.ts";

/** "CVYR": tells our files from other programs'. */
const applicationId = 0x43565952;
const schemaVersion = 1;

/** Another program may hold the file for a moment, such as a prompt at which an operator looks into it. */
const busyMsMax = 2_000;
/** Checked whole at start when it is at most this large: some tens of milliseconds. */
const checkedBytesMax = 32 * 1024 * 1024;

const pragmas = `
  PRAGMA journal_mode = WAL;
  PRAGMA wal_autocheckpoint = 2000;
  PRAGMA journal_size_limit = 67108864;
  PRAGMA cache_size = -32768;
  PRAGMA temp_store = MEMORY;
  PRAGMA foreign_keys = OFF;`;

/** The absolute path of the file, through links, so that one file has one lock; its folder must be there and writable. */
export function resolveFile(file: string): string {
  const folder = path.dirname(path.resolve(file));
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    throw refuse("STORE_UNAVAILABLE", file, `cannot be opened: there is no folder ${folder}; make it first`);
  }
  const resolved = existsSync(file) ? realpathSync(file) : path.join(realpathSync(folder), path.basename(file));
  if (existsSync(resolved) && !statSync(resolved).isFile()) {
    throw refuse("STORE_UNAVAILABLE", file, "is not a file; give the path of one");
  }
  for (const each of [path.dirname(resolved), resolved]) {
    if (existsSync(each) && !mayWrite(each)) {
      throw refuse("STORE_READ_ONLY", file, `cannot be written: make ${each} writable for this user`);
    }
  }
  return resolved;
}

// Asked, not tried: to close a file that this process has open elsewhere would give up all its POSIX locks on it.
function mayWrite(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Opens the file as ours, making it when it is new or empty. Throws STORE_CORRUPT, STORE_TOO_NEW, STORE_READ_ONLY, … */
export function openFile(file: string): Database.Database {
  let db: Database.Database | undefined;
  try {
    db = new Database(file, { timeout: busyMsMax });
    const isNew = check(db, file);
    db.exec(pragmas);
    if (isNew) create(db);
    return db;
  } catch (error) {
    db?.close();
    throw storageError(error, file);
  }
}

/** Whether the file is empty; throws when it is not ours, too new, or damaged. */
function check(db: Database.Database, file: string): boolean {
  const found = db.prepare<[], { n: number }>("SELECT count(*) AS n FROM sqlite_schema").get()?.n ?? 0;
  const id = db.pragma("application_id", { simple: true });
  const version = Number(db.pragma("user_version", { simple: true }));
  if (found === 0 && id === 0) return true;
  if (id !== applicationId) {
    throw refuse("STORE_CORRUPT", file, "is a SQLite database of another program: choose another path");
  }
  if (version > schemaVersion) {
    const text = `was written by a newer Conveyor (schema ${version}, this one knows ${schemaVersion}): update this one`;
    throw refuse("STORE_TOO_NEW", file, text);
  }
  if (statSync(file).size <= checkedBytesMax && db.pragma("quick_check(1)", { simple: true }) !== "ok") {
    throw refuse("STORE_CORRUPT", file, "is damaged: restore it from a backup, or move it away to begin afresh");
  }
  return false;
}

function create(db: Database.Database): void {
  const schema = readFileSync(new URL("./schema.sql", import.meta.url), "utf8");
  db.exec(`
    BEGIN IMMEDIATE;
    ${schema}
    PRAGMA application_id = ${applicationId};
    PRAGMA user_version = ${schemaVersion};
    COMMIT;`);
}

function refuse(code: ErrorCode, file: string, text: string, cause?: unknown): ConveyorError {
  return new ConveyorError(code, `the store ${file} ${text}`, {
    cause,
    details: { resource: { type: "store", name: file } },
  });
}
