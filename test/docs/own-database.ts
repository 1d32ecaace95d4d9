import { randomBytes } from "node:crypto";
import pg from "pg";
import { postgresUrl } from "../servers/addresses.ts";

/** A database of a test's own on the server of the run, for what names its schema by itself. */
export interface OwnDatabase extends AsyncDisposable {
  readonly url: string;
  /** Of the role that a test makes: roles belong to the whole server. */
  readonly role: string;
}

export async function ownDatabase(): Promise<OwnDatabase> {
  const server = await postgresUrl();
  const name = `docs_${randomBytes(6).toString("hex")}`;
  const url = new URL(server);
  url.pathname = `/${name}`;
  await onServer(server, `CREATE DATABASE ${name}`);
  return {
    url: url.href,
    role: `${name}_shop`,
    async [Symbol.asyncDispose]() {
      await onServer(server, `DROP DATABASE ${name} WITH (FORCE)`);
      await onServer(server, `DROP ROLE IF EXISTS ${name}_shop`);
    },
  };
}

async function onServer(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
