import pg from "pg";
import { oldFunctions } from "./old-functions.ts";
import { checkMayInstall, deniedRight } from "./rights.ts";
import { functionScript, migrationScripts, type SchemaScript } from "./schema-scripts.ts";
import { codeOf, refuse } from "./storage-error.ts";

export interface MigrationTarget {
  /** Not quoted. */
  readonly schema: string;
  readonly location: string;
}

/** What the schema says of itself. */
interface Installed {
  readonly hasSchema: boolean;
  /** Checksums by number; functions under 0. Undefined: there is no list yet. */
  readonly checksums: ReadonlyMap<number, string> | undefined;
}

/**
 * The revision of the functions: raise it with every change to them that is released. Of two brokers that differ, the functions of
 * the newer one stay.
 */
const functionsRevision = 2;

const longMs = 600_000;

/**
 * Brings the schema to what this version knows, in one transaction, or finds it so; makes it when it is missing. Brokers that start
 * at once wait for one another. Throws STORE_TOO_NEW, STORE_CORRUPT (another program's schema, or one whose migrations differ) and
 * STORE_DENIED with the right that is missing.
 */
export async function migrate(client: pg.ClientBase, target: MigrationTarget): Promise<void> {
  try {
    const wanted = { scripts: migrationScripts(), functions: functionScript() };
    if (dueScripts(await installed(client, target), { ...target, ...wanted }).length === 0) return;
    await checkMayInstall(client, target);
    // What was looked at before the lock must not be all that is seen after it.
    await client.query("BEGIN ISOLATION LEVEL READ COMMITTED");
    await client.query(`SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '${longMs}ms'`);
    await run(client, `SELECT pg_advisory_xact_lock(hashtextextended('conveyor:${target.schema}', 0))`);
    const now = await installed(client, target);
    await install(client, { ...target, hasSchema: now.hasSchema, due: dueScripts(now, { ...target, ...wanted }) });
    await client.query("COMMIT");
  } catch (error) {
    if (error instanceof pg.DatabaseError) await client.query("ROLLBACK");
    throw codeOf(error) === "42501" ? await deniedRight(client, { ...target, cause: error }) : error;
  }
}

async function installed(client: pg.ClientBase, { schema, location }: MigrationTarget): Promise<Installed> {
  // Catalogs, since every role may read them, whatever it may in the schema.
  const { rows } = await client.query<{ readonly name: string | null }>(
    "SELECT c.relname AS name FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid WHERE n.nspname = $1",
    [schema],
  );
  const names = new Set(rows.map(({ name }) => name));
  if (!names.has("migration")) {
    names.delete(null);
    if (names.size === 0) return { hasSchema: rows.length > 0, checksums: undefined };
    const problem = `has tables of another program in the schema ${schema}: choose another with ?schema=`;
    throw refuse("STORE_CORRUPT", location, problem);
  }
  const list = await client.query<{ readonly number: number; readonly checksum: string }>(
    `SELECT number, checksum FROM ${pg.escapeIdentifier(schema)}.migration`,
  );
  return { hasSchema: true, checksums: new Map(list.rows.map(({ number, checksum }) => [number, checksum])) };
}

/** What has to be installed, in order; throws when the schema is newer, or not what its list says. */
function dueScripts(
  { checksums = new Map() }: Installed,
  target: MigrationTarget & { readonly scripts: readonly SchemaScript[]; readonly functions: SchemaScript },
): readonly SchemaScript[] {
  const { scripts, location } = target;
  const newest = Math.max(0, ...checksums.keys());
  const [, revision = "0"] = /^(\d+):/.exec(checksums.get(0) ?? "") ?? [];
  if (newest > scripts.length || Number(revision) > functionsRevision) {
    const text = `schema ${newest}.${revision}, this one knows ${scripts.length}.${functionsRevision}`;
    throw refuse("STORE_TOO_NEW", location, `was written by a newer Conveyor (${text}): update this one`);
  }
  for (const { number, name, checksum } of scripts) {
    const known = checksums.get(number);
    if (known === undefined || known === checksum) continue;
    const problem = `was migrated by another ${name} than this Conveyor brings: use the version that made it, or another schema`;
    throw refuse("STORE_CORRUPT", location, problem);
  }
  const functions = { ...target.functions, checksum: `${functionsRevision}:${target.functions.checksum}` };
  const due = scripts.filter(({ number }) => !checksums.has(number));
  return checksums.get(0) === functions.checksum ? due : [...due, functions];
}

/** One round trip: a schema is made whole in it. */
async function install(
  client: pg.ClientBase,
  target: MigrationTarget & { readonly hasSchema: boolean; readonly due: readonly SchemaScript[] },
): Promise<void> {
  const { due, hasSchema } = target;
  const schema = pg.escapeIdentifier(target.schema);
  const head = `
    ${hasSchema ? "" : `CREATE SCHEMA ${schema};`}
    SET LOCAL client_min_messages = warning;
    SET LOCAL search_path = ${schema}, pg_temp;
    CREATE TABLE IF NOT EXISTS migration (
      number integer PRIMARY KEY,
      name text NOT NULL,
      checksum text NOT NULL,
      applied_at timestamptz NOT NULL DEFAULT now()
    );`;
  const pieces = due.map(
    ({ number, name, text, checksum }) => `
    ${text}
    ;INSERT INTO migration (number, name, checksum) VALUES (${number}, '${name}', '${checksum}')
    ON CONFLICT (number) DO UPDATE SET checksum = excluded.checksum, applied_at = now();`,
  );
  const hasFunctions = hasSchema && due.some(({ number }) => number === 0);
  const { drops, grants } = hasFunctions ? await oldFunctions(client, target.schema) : { drops: [], grants: [] };
  const closing = `REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA ${schema} FROM PUBLIC;`;
  await run(client, [head, ...drops, ...pieces, closing, ...grants].join("\n"));
}

/** Longer than other statements may take. */
async function run(client: pg.ClientBase, text: string): Promise<void> {
  const query = { text, query_timeout: longMs };
  await client.query(query);
}
