import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type Database from "better-sqlite3";
import { defaultRetention } from "../../../src/core/job.ts";
import { openFile } from "../../../src/store/sqlite/open-file.ts";
import { storeOver } from "../../../src/store/sqlite/store.ts";
import { Transactions } from "../../../src/store/sqlite/transactions.ts";
import { openWorld, type World } from "../conformance/world.ts";

export type SqliteWorld = World;

/** Runs `work` with the path of a file that does not exist yet, in a folder that is removed afterwards. */
export async function withFile(work: (file: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), "conveyor-sqlite-"));
  try {
    await work(path.join(folder, "jobs.db"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs `work` with a world over a file whose connection the test holds too. */
export async function withWorld(work: (world: SqliteWorld, db: Database.Database) => Promise<void>): Promise<void> {
  await withFile(async (location) => {
    const db = openFile(location);
    const world = await openWorld({
      name: "sqlite",
      lacks: {},
      open: async ({ defaults, clock = Date.now }) => {
        const transactions = new Transactions(db, { location, defaults, clock, synchronous: "FULL" });
        const file = { location, synchronous: "FULL", retention: defaultRetention, close: () => db.close() } as const;
        const store = storeOver(transactions, file);
        return { store, discard: () => store.close() };
      },
    });
    try {
      await work(world, db);
    } finally {
      await world.close();
    }
  });
}
