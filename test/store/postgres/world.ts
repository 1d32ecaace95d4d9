import { randomBytes } from "node:crypto";
import pg from "pg";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import { postgresUrl } from "../../servers/addresses.ts";
import { openWorld, type World } from "../conformance/world.ts";

/** A schema of its own on the test run's server. */
export interface SchemaWorld {
  readonly schema: string;
  /** Names the schema. */
  readonly url: string;
  /** Runs SQL as the server's superuser; `{schema}` in it is the schema. */
  sql(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
}

/** Gives `work` a schema that is not there yet, and removes it afterwards. */
export async function withSchema(work: (world: SchemaWorld) => Promise<void>, server?: string): Promise<void> {
  const base = server ?? (await postgresUrl());
  const schema = `t_${randomBytes(6).toString("hex")}`;
  const admin = new pg.Client({ connectionString: base });
  await admin.connect();
  try {
    await work({
      schema,
      url: withSettings(base, { schema }),
      async sql(text, values = []) {
        const { rows } = await admin.query(text.replaceAll("{schema}", schema), [...values]);
        return rows;
      },
    });
  } finally {
    await admin.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
    await admin.end();
  }
}

/** Runs `work` with a world of the conformance cases over a schema that the test reaches too. */
export async function withWorld(work: (world: World, schema: SchemaWorld) => Promise<void>): Promise<void> {
  await withSchema(async (schema) => {
    const world = await openWorld({
      name: "postgres",
      lacks: {},
      async open(options) {
        const store = await openPostgresStore(schema.url, options);
        return { store, discard: () => store.close() };
      },
    });
    try {
      await work(world, schema);
    } finally {
      await world.close();
    }
  });
}

/** The URL with settings added. */
export function withSettings(url: string, settings: Readonly<Record<string, string>>): string {
  const parsed = new URL(url);
  for (const [name, value] of Object.entries(settings)) parsed.searchParams.set(name, value);
  return parsed.href;
}

/** The URL with another user. */
export function asUser(url: string, user: string, password = ""): string {
  const parsed = new URL(url);
  parsed.username = user;
  parsed.password = password;
  return parsed.href;
}
