import { chmodSync } from "node:fs";
import path from "node:path";
import { startPostgres } from "../../servers/postgres.ts";
import { startRedis } from "../../servers/redis.ts";
import type { TestServer } from "../../servers/test-server.ts";

/** A store for one run. */
export interface ThrowAwayStore {
  /** For `conveyor serve --store`. */
  readonly url: string;
  /** The process that keeps it, where it is one of its own. */
  readonly server: TestServer | undefined;
  /** Several brokers may use it at a time. */
  readonly shared: boolean;
}

/**
 * `sqlite`: a file in `folder`. `postgres`, `redis`: a server of our own with the settings that keep every acknowledged change and
 * its data in `folder`; the caller stops it. Anything else is the URL of a store that runs already.
 */
export async function openThrowAwayStore(name: string, folder: string): Promise<ThrowAwayStore> {
  if (name === "sqlite") return { url: `sqlite:${path.join(folder, "jobs.db")}`, server: undefined, shared: false };
  const start = name === "postgres" ? startPostgres : name === "redis" ? startRedis : undefined;
  chmodSync(folder, 0o755); // a server may run as another account than ours
  const server = await start?.({ dataDir: path.join(folder, "database") });
  return { url: server?.url ?? name, server, shared: server !== undefined || !name.startsWith("sqlite:") };
}
