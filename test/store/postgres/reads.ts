import assert from "node:assert/strict";
import type pg from "pg";
import type { Connection } from "../../../src/store/postgres/connection.ts";

interface TableReads {
  readonly name: string;
  readonly scanned: number;
  readonly fetched: number;
}

/** Where reads are counted: a connection of the test's own, and the schema. */
interface Counted {
  readonly client: pg.Client;
  readonly schema: string;
}

/** No table that only grows was scanned, and otherwise no more rows of any were read than this. */
export async function expectFewReads(
  counted: Counted,
  work: (connection: Connection) => Promise<unknown>,
  rowsMax: number,
): Promise<void> {
  for (const { name, scanned, fetched } of await readsOf(counted, work)) {
    if (["job", "payload", "result", "attempt", "tombstone"].includes(name))
      assert.equal(scanned, 0, `${name} was scanned: ${scanned} rows`);
    if (["lane", "counter", "counter_apart", "name", "queue", "session"].includes(name)) continue;
    assert.ok(
      scanned + fetched <= rowsMax,
      `${scanned + fetched} rows of ${name} were read, expected at most ${rowsMax}`,
    );
  }
}

/** What `work` read of each table, by whole scans and by index: counted by the server within one transaction. */
async function readsOf(
  { client, schema }: Counted,
  work: (connection: Connection) => Promise<unknown>,
): Promise<readonly TableReads[]> {
  const read: Connection["read"] = async (text, values) => (await client.query(text, [...values])).rows;
  const connection: Connection = {
    schema,
    nowMs: () => null,
    read,
    snapshot: (inside) => inside(read),
    write: (make) => read(make(false).text, make(false).values),
  };
  await client.query("BEGIN");
  // What was not yet handed in by transactions before counts too.
  const before = await tableReads(client, schema);
  await work(connection);
  const now = await tableReads(client, schema);
  await client.query("COMMIT");
  return now.map(({ name, scanned, fetched }) => {
    const own = before.find((each) => each.name === name);
    return { name, scanned: scanned - (own?.scanned ?? 0), fetched: fetched - (own?.fetched ?? 0) };
  });
}

async function tableReads(client: pg.Client, schema: string): Promise<readonly TableReads[]> {
  const { rows } = await client.query<TableReads>(
    `SELECT relname AS name, seq_tup_read::int AS scanned, coalesce(idx_tup_fetch, 0)::int AS fetched
     FROM pg_stat_xact_user_tables WHERE schemaname = $1`,
    [schema],
  );
  return rows;
}
