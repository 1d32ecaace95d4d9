import { randomBytes } from "node:crypto";
import pg from "pg";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import { postgresUrl } from "../../servers/addresses.ts";
import type { Engine } from "../engine.ts";
import { openHandle } from "./handles.ts";

export interface PostgresEngineOptions {
  /** Of the server, for what is tried on the stores; the test run's own when left out. */
  readonly url?: () => Promise<string>;
}

/** A test's stores need few connections each, and there are many of them. */
const poolSize = "4";

/** Each store in a schema of its own. */
export function postgresEngine({ url = postgresUrl }: PostgresEngineOptions = {}): Engine {
  return {
    name: "postgres",
    lacks: {},
    async open(options) {
      const schema = `t_${randomBytes(6).toString("hex")}`;
      const at = new URL(await url());
      at.searchParams.set("schema", schema);
      at.searchParams.set("pool_size", poolSize);
      const sql = async (text: string, values: readonly unknown[] = []): Promise<void> => {
        // Not by way of what is tried on the stores.
        const client = new pg.Client({ connectionString: await postgresUrl() });
        await client.connect();
        try {
          await client.query(text, [...values]);
        } finally {
          await client.end();
        }
      };
      return openHandle({
        connect: () => openPostgresStore(at.href, options),
        removeJob: (id) => sql(`DELETE FROM ${schema}.job WHERE id = $1`, [id]),
        remove: () => sql(`DROP SCHEMA IF EXISTS ${schema} CASCADE`),
      });
    },
  };
}
