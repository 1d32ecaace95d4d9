import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { unprivileged } from "./account.ts";
import { makeFolder } from "./folder.ts";
import { findPostgres } from "./postgres-binaries.ts";
import { type ServerProcess, supervise } from "./supervise.ts";
import type { TestServer, TestServerOptions } from "./test-server.ts";

const defaults = {
  // Memory that is shared by mapping asks nothing of /dev/shm, which is small in containers.
  dynamic_shared_memory_type: "mmap",
  listen_addresses: "127.0.0.1",
  max_connections: "300",
  shared_buffers: "128MB",
  unix_socket_directories: "",
};

/**
 * A PostgreSQL server whose superuser `conveyor` needs no password, database `postgres`, with every setting on that keeps
 * commits. As root it runs as `nobody`.
 */
export async function startPostgres(options: TestServerOptions = {}): Promise<TestServer> {
  const account = unprivileged();
  const scratch = makeFolder("postgres", { durable: true });
  chmodSync(scratch, 0o755);
  const { bin, env } = findPostgres(scratch, account);
  const data = options.dataDir ?? makeFolder("postgres-data", { durable: options.durable ?? false });
  const made = options.dataDir === undefined ? [scratch, data] : [scratch];
  mkdirSync(data, { recursive: true });
  if (account !== undefined) chownSync(data, account.uid, account.gid);
  const base = { env: { ...env, LC_ALL: "C", TZ: "UTC", HOME: scratch }, cwd: "/", ...account };
  if (!existsSync(path.join(data, "PG_VERSION"))) initialise(path.join(bin, "initdb"), data, base);

  const settings = Object.entries({ ...defaults, ...options.settings });
  const process: ServerProcess = {
    launchAt: (port) => ({
      ...base,
      command: path.join(bin, "postgres"),
      args: ["-D", data, "-p", String(port), ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`])],
      ready: /database system is ready to accept (?:read-only )?connections/,
      scratch: made,
    }),
    url: (port) => `postgres://conveyor@127.0.0.1:${port}/postgres`,
    // SIGINT ends sessions and then the server; SIGTERM would wait for the sessions.
    stopSignal: "SIGINT",
    // Right after a kill its children may still hold the memory that they shared.
    passing: /shared memory block .* is still in use|lock file .* already exists/,
    remove() {
      for (const folder of made) rmSync(folder, { recursive: true, force: true });
    },
  };
  return supervise(process, options.port);
}

function initialise(
  initdb: string,
  data: string,
  { env, ...base }: { readonly env: Readonly<Record<string, string>>; readonly cwd: string },
): void {
  execFileSync(
    initdb,
    ["--pgdata", data, "--username", "conveyor", "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"],
    { ...base, env: { ...process.env, ...env }, stdio: ["ignore", "ignore", "pipe"], timeout: 60_000 },
  );
}
