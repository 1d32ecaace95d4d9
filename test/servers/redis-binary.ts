import { accessSync, constants } from "node:fs";
import path from "node:path";
import { redisFromApt } from "./redis-from-apt.ts";

export interface RedisBinary {
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** `redis-server` or `valkey-server` on the PATH, else Debian's without installing it. Throws saying what to do where there is none. */
export async function findRedis(): Promise<RedisBinary> {
  for (const name of ["redis-server", "valkey-server"]) {
    const command = onPath(name);
    if (command !== undefined) return { command, env: {} };
  }
  try {
    return await redisFromApt();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(
      `no Redis to test with: redis-server and valkey-server are not on the PATH, and to unpack Debian's failed (${reason}). ` +
        'Install one ("apt-get install redis-server", "brew install redis"), or set CONVEYOR_TEST_REDIS_URL and ' +
        "CONVEYOR_TEST_REDIS_CLUSTER to servers that are there",
    );
  }
}

function onPath(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? "").split(path.delimiter)) {
    const file = path.join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not in this one
    }
  }
  return undefined;
}
