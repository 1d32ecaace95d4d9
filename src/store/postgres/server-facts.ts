import { refuse } from "./storage-error.ts";

/** What decides whether a server may be used, as one of its connections sees it. */
export interface ServerFacts {
  /** Such as 130011. */
  readonly version: number;
  readonly in_recovery: boolean;
  /** "on" or "off". */
  readonly read_only: string;
  readonly fsync: string;
  readonly full_page_writes: string;
  readonly synchronous_commit: string;
  /** Of transactions that do not say. */
  readonly isolation: string;
  /** Of the database. */
  readonly encoding: string;
  /** Empty: none. */
  readonly standbys: string;
}

export interface UsePolicy {
  readonly location: string;
  /** Allows settings that can lose acknowledged jobs. */
  readonly allowLossy: boolean;
  /** The connection is ours alone: it may have settings of its own. */
  readonly ownSession: boolean;
}

const versionMin = 130_000;

const facts = `
  current_setting('server_version_num')::integer AS version, pg_is_in_recovery() AS in_recovery,
  current_setting('transaction_read_only') AS read_only, current_setting('fsync') AS fsync,
  current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS synchronous_commit,
  current_setting('default_transaction_isolation') AS isolation, current_setting('server_encoding') AS encoding,
  current_setting('synchronous_standby_names') AS standbys`;

/** Bounds what one statement of ours may take; those of a client that went away end by it too. */
export const statementMsMax = 15_000;

const sessionSettings = `
  set_config('statement_timeout', '${statementMsMax}', false), set_config('lock_timeout', '10000', false),
  set_config('idle_in_transaction_session_timeout', '${statementMsMax}', false), set_config('jit', 'off', false),
  set_config('default_transaction_isolation', 'read committed', false)`;

/** Where the server's default is off, each session asks for more: acknowledged must mean durable, whatever was set for others. */
const durableCommit = "set_config('synchronous_commit', 'on', false)";

/**
 * What to ask of a connection when it is new, in turn; the last answers with the facts. A session of our own gets its settings
 * first; behind a pooler none is ours, and nothing is set.
 */
export function greetings(policy: UsePolicy): readonly string[] {
  if (!policy.ownSession) return [`SELECT ${facts}`];
  const durable = policy.allowLossy
    ? ""
    : `, CASE current_setting('synchronous_commit') WHEN 'off' THEN ${durableCommit} END`;
  return [`SELECT ${sessionSettings}${durable}`, `SELECT ${facts}`];
}

/** Throws STORE_TOO_OLD, STORE_READ_ONLY, STORE_LOSSY or, for settings of the database that cannot do, STORE_UNAVAILABLE when the server may not be used. */
export function checkServer(server: ServerFacts, policy: UsePolicy): void {
  const { location } = policy;
  if (server.version < versionMin) {
    const major = Math.floor(server.version / 10_000);
    throw refuse("STORE_TOO_OLD", location, `is PostgreSQL ${major}: Conveyor needs 13 or newer; upgrade the server`);
  }
  if (server.in_recovery) {
    throw refuse("STORE_READ_ONLY", location, "is a replica, which takes no writes: give the primary's address");
  }
  if (server.read_only === "on") {
    const way = "ALTER ROLE … RESET default_transaction_read_only, or the same for the database or the server";
    throw refuse("STORE_READ_ONLY", location, `is set to read only (default_transaction_read_only): ${way}`);
  }
  const unfit = unfitnessOf(server);
  if (unfit !== undefined) throw refuse("STORE_UNAVAILABLE", location, unfit);
  if (policy.allowLossy) return;
  const lossy = lossOf(server);
  if (lossy === undefined) return;
  throw refuse("STORE_LOSSY", location, `can lose acknowledged jobs: ${lossy}; or allow it with --allow-lossy`);
}

function unfitnessOf({ encoding, isolation }: ServerFacts): string | undefined {
  if (encoding !== "UTF8") {
    return `is a database in the encoding ${encoding}, which cannot hold every text: make one with ENCODING 'UTF8' TEMPLATE template0`;
  }
  // Decisions are made from what is read after a lock.
  if (isolation === "read committed") return undefined;
  const way =
    "ALTER ROLE … SET default_transaction_isolation = 'read committed', or connect without a pooler (no hints=off)";
  return `has the setting default_transaction_isolation = '${isolation}', with which limits would not hold: run ${way}`;
}

function lossOf(server: ServerFacts): string | undefined {
  if (server.fsync === "off") return "its setting fsync is off; set it on";
  if (server.full_page_writes === "off") return "its setting full_page_writes is off; set it on";
  if (server.synchronous_commit !== "off") return undefined;
  return "its setting synchronous_commit is off; run ALTER ROLE … SET synchronous_commit = on, or connect without a pooler (no hints=off)";
}

/** What an acknowledgement means on such a server. */
export function durabilityOf(server: ServerFacts): string {
  const { fsync, full_page_writes, synchronous_commit: commit, standbys } = server;
  if (fsync === "off" || full_page_writes === "off") {
    return "LOSSY: a crash of the server's machine can lose or damage everything (fsync or full_page_writes is off)";
  }
  if (commit === "off") return "LOSSY: a crash of the server can lose the last moments (synchronous_commit=off)";
  const flushed = `every acknowledged change is flushed to the server's disk (fsync, synchronous_commit=${commit})`;
  if (standbys === "" || commit === "local") {
    return `${flushed}; a failover loses what the replica had not yet received: set synchronous_standby_names against that`;
  }
  return `${flushed} and handed to a synchronous replica before it is acknowledged`;
}
