import type { Connection } from "./connection.ts";
import { migrate } from "./migrate.ts";
import { createServerPool, type ServerPool } from "./pool.ts";
import { createConnection } from "./pooled-connection.ts";
import { checkRights } from "./rights.ts";
import type { ServerFacts } from "./server-facts.ts";
import type { StoreAddress } from "./store-url.ts";

export interface OpenOptions {
  readonly allowLossy: boolean;
  readonly clock: (() => number) | undefined;
  readonly random: () => number;
}

/** A way to a server that was looked at, and to a schema that is up to date. */
export interface OpenedConnection {
  readonly connection: Connection;
  readonly pool: ServerPool;
  readonly facts: ServerFacts;
}

/** Connects, looks whether the server and our rights there will do, and brings the schema up to date. */
export async function openConnection(address: StoreAddress, options: OpenOptions): Promise<OpenedConnection> {
  const { schema, location, hints: ownSession } = address;
  const { allowLossy, clock, random } = options;
  const pool = createServerPool(address, { location, allowLossy, ownSession });
  try {
    const connection = createConnection(pool, { schema, clock, random });
    await connection.prepare(async (client) => {
      await migrate(client, { schema, location });
      await checkRights(client, { schema, location });
    });
    if (clock !== undefined) connection.raiseNow(await latestTime(connection));
    const facts = pool.facts();
    if (facts === undefined) throw new Error("a connection was used that was not looked at");
    return { connection, pool, facts };
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** The latest time that the store has told: that of tests does not go back when it is opened again. */
async function latestTime({ schema, read }: Connection): Promise<number> {
  const text = `SELECT greatest((SELECT max(updated_at) FROM ${schema}.job), (SELECT max(opened_at) FROM ${schema}.session)) AS ms`;
  const [latest] = await read<{ readonly ms: number | null }>(text, []);
  return latest?.ms ?? 0;
}
