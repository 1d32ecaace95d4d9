import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { Redis } from "ioredis";
import pg from "pg";
import type { ErrorCode } from "../../../src/index.ts";
import { unprivileged } from "../../servers/account.ts";
import { startPostgres } from "../../servers/postgres.ts";
import { startRedis } from "../../servers/redis.ts";
import type { TestServer } from "../../servers/test-server.ts";
import { mountSmallDisk } from "./small-disk.ts";

/** A store that can be made full. */
interface FullStore {
  readonly url: string;
  fill(): Promise<void>;
  /** Makes room, and starts the server where it ended for want of it. */
  free(): Promise<void>;
  stop(): Promise<void>;
}

/** A way in which a store runs full. */
export interface Variant {
  readonly what: string;
  /** What callers may see meanwhile. */
  readonly codes: readonly ErrorCode[];
  readonly open: (folder: string) => Promise<FullStore>;
}

const startsAgainMs = 3_000;

export const variants: Readonly<Record<string, Variant>> = {
  sqlite: {
    what: "the disk of the file is full",
    codes: ["STORE_FULL"],
    async open(folder) {
      const disk = mountSmallDisk(path.join(folder, "disk"), 32);
      const url = `sqlite:${path.join(disk.folder, "jobs.db")}`;
      return { url, fill: async () => disk.fill(), free: async () => disk.free(), stop: async () => undefined };
    },
  },
  postgres: {
    what: "the disk of the tables is full, the one of the log is not",
    codes: ["STORE_FULL"],
    async open(folder) {
      const disk = mountSmallDisk(path.join(folder, "disk"), 64);
      const tables = ownedFolder(path.join(disk.folder, "tables"));
      const server = await startPostgres({ durable: true });
      const client = new pg.Client(server.url);
      await client.connect();
      await client.query(`CREATE TABLESPACE small LOCATION '${tables}'`);
      await client.query("ALTER DATABASE postgres SET default_tablespace = small");
      await client.end();
      return {
        url: server.url,
        fill: async () => disk.fill(),
        free: async () => disk.free(),
        stop: () => server.stop(),
      };
    },
  },
  "postgres-log": {
    what: "the only disk is full, tables and log",
    codes: ["STORE_FULL", "STORE_UNAVAILABLE"],
    async open(folder) {
      const disk = mountSmallDisk(path.join(folder, "disk"), 200);
      const settings = { min_wal_size: "32MB", max_wal_size: "64MB" };
      const dataDir = ownedFolder(path.join(disk.folder, "data"));
      const server = await startPostgres({ dataDir, settings });
      return onDisk(server, disk);
    },
  },
  "redis-memory": {
    what: "maxmemory is reached, nothing may be evicted",
    codes: ["STORE_FULL"],
    async open() {
      const server = await startRedis({ durable: true });
      const setMax = async (megabytes: number) => {
        const client = new Redis(server.url);
        await client.config("SET", "maxmemory", `${megabytes}mb`);
        await client.quit();
      };
      // Below what it has taken already, so nothing more is taken.
      return { url: server.url, fill: () => setMax(1), free: () => setMax(0), stop: () => server.stop() };
    },
  },
  "redis-log": {
    what: "the disk of the append-only file is full, so the server ends rather than acknowledge",
    codes: ["STORE_FULL", "STORE_UNAVAILABLE"],
    async open(folder) {
      const disk = mountSmallDisk(path.join(folder, "disk"), 48);
      return onDisk(await startRedis({ dataDir: ownedFolder(path.join(disk.folder, "data")) }), disk);
    },
  },
};

function onDisk(server: TestServer, disk: ReturnType<typeof mountSmallDisk>): FullStore {
  return {
    url: server.url,
    fill: async () => disk.fill(),
    async free() {
      disk.free();
      if (!(await answers(server.port))) await server.restart();
    },
    stop: () => server.stop(),
  };
}

/** A folder for the account that servers run as. */
function ownedFolder(folder: string): string {
  mkdirSync(folder, { recursive: true });
  const account = unprivileged();
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
  chmodSync(folder, 0o700);
  return folder;
}

/** Whether somebody listens at the port before long. */
async function answers(port: number): Promise<boolean> {
  for (
    const end = Date.now() + startsAgainMs;
    Date.now() < end;
    await new Promise((resolve) => setTimeout(resolve, 100))
  ) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).on("error", () => resolve(false));
      socket.on("connect", () => socket.destroy());
    });
    if (open) return true;
  }
  return false;
}
