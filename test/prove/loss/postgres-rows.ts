import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import { startPostgres } from "../../servers/postgres.ts";
import type { Row, Scene } from "./scene.ts";
import { openSlowLine } from "./slow-line.ts";

type Settings = Readonly<Record<string, string>>;

export const postgresRows: readonly Row[] = [
  killed("synchronous_commit=on", { synchronous_commit: "on" }, "nothing"),
  killed("synchronous_commit=off", { synchronous_commit: "off" }, "something"),
  killed("fsync=off", { fsync: "off" }, "nothing"),
  {
    name: "PostgreSQL, asynchronous replica that lags: the primary is killed, the replica promoted",
    expects: "something",
    open: (folder) => failover(path.join(folder, "async"), { primary: {}, holds: true }),
  },
  {
    name: "PostgreSQL, synchronous_commit=remote_apply with a synchronous replica: the primary is killed, the replica promoted",
    expects: "nothing",
    open: (folder) =>
      failover(path.join(folder, "sync"), {
        primary: { synchronous_commit: "remote_apply", synchronous_standby_names: "standby" },
        holds: false,
      }),
  },
];

function killed(name: string, settings: Settings, expects: Row["expects"]): Row {
  return {
    name: `PostgreSQL, ${name}: the server is killed`,
    expects,
    async open() {
      const server = await startPostgres({ settings });
      return {
        url: server.url,
        strike: () => server.kill(),
        async recover() {
          await server.restart();
          return server.url;
        },
        [Symbol.asyncDispose]: () => server.stop(),
      };
    },
  };
}

async function failover(
  folder: string,
  { primary: settings, holds }: { readonly primary: Settings; readonly holds: boolean },
): Promise<Scene> {
  const { synchronous_standby_names: standbyNames, ...first } = settings;
  const from = await startPostgres({ dataDir: `${folder}-primary`, settings: first });
  await from.stop();
  // With its owner: as root the servers run as somebody else.
  execFileSync("cp", ["-a", `${folder}-primary`, `${folder}-standby`]);
  const primary = await startPostgres({
    dataDir: `${folder}-primary`,
    settings: { ...settings, ...(standbyNames === undefined ? {} : { synchronous_standby_names: standbyNames }) },
  });
  const line = await openSlowLine(primary.port);
  writeFileSync(path.join(`${folder}-standby`, "standby.signal"), "");
  const standby = await startPostgres({
    dataDir: `${folder}-standby`,
    settings: { primary_conninfo: `host=127.0.0.1 port=${line.port} user=conveyor application_name=standby` },
  });
  await query(primary.url, "SELECT count(*) = 1 AS done FROM pg_stat_replication WHERE state = 'streaming'");
  return {
    url: primary.url,
    async prepare() {
      if (holds) line.hold();
    },
    strike: () => primary.kill(),
    async recover() {
      await query(standby.url, "SELECT pg_promote() AS done");
      return standby.url;
    },
    async [Symbol.asyncDispose]() {
      line.close();
      await Promise.all([primary.stop(), standby.stop()]);
    },
  };
}

/** Asks until it is so, for at most 30 s. */
async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const deadline = Date.now() + 30_000; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
      const { rows } = await client.query<{ done: boolean }>(sql);
      if (rows[0]?.done === true) return;
      if (Date.now() > deadline) throw new Error(`it did not come to pass: ${sql}`);
    }
  } finally {
    await client.end();
  }
}
