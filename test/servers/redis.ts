import { mkdirSync, rmSync } from "node:fs";
import { makeFolder } from "./folder.ts";
import { findRedis } from "./redis-binary.ts";
import { type ServerProcess, supervise } from "./supervise.ts";
import type { TestServer, TestServerOptions } from "./test-server.ts";

const defaults = {
  appendfsync: "always",
  appendonly: "yes",
  bind: "127.0.0.1",
  "maxmemory-policy": "noeviction",
  save: "",
};

export interface RedisOptions extends TestServerOptions {
  /** A port to try where none is asked for. */
  readonly findPort?: () => Promise<number>;
}

/** A Redis server without a password whose log is written before it answers. */
export async function startRedis(options: RedisOptions = {}): Promise<TestServer> {
  const { command, env } = await findRedis();
  const data = options.dataDir ?? makeFolder("redis", { durable: options.durable ?? false });
  const made = options.dataDir === undefined ? [data] : [];
  mkdirSync(data, { recursive: true });
  const settings = Object.entries({ ...defaults, ...options.settings });
  const process: ServerProcess = {
    launchAt: (port) => ({
      command,
      args: ["--port", String(port), "--dir", data, ...settings.flatMap(([name, value]) => [`--${name}`, value])],
      env,
      cwd: data,
      ready: /ready to accept connections/i,
      scratch: made,
    }),
    url: (port) => `redis://127.0.0.1:${port}`,
    stopSignal: "SIGTERM",
    passing: /LOADING/,
    remove() {
      for (const folder of made) rmSync(folder, { recursive: true, force: true });
    },
    ...(options.findPort !== undefined && { findPort: options.findPort }),
  };
  return supervise(process, options.port);
}
