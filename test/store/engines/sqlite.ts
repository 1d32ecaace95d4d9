import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import { openSqliteStore } from "../../../src/store/sqlite/store.ts";
import type { StoreOptions } from "../../../src/store/store.ts";
import type { Engine, OpenedStore } from "../engine.ts";

export interface SqliteEngineOptions {
  /** `full`: a real file with every safety, as a broker has it. `off`: in memory-backed files where there are some, for the model proof. */
  readonly synchronous: "full" | "off";
}

const fileName = "conveyor.db";
const walHeaderBytes = 32;
const frameHeaderBytes = 24;

/** Each store in a folder of its own. */
export function sqliteEngine({ synchronous }: SqliteEngineOptions): Engine {
  const base = synchronous === "off" && existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  // An empty store to begin with, so that not every one of thousands is made from its schema.
  let empty: Promise<Uint8Array> | undefined;

  const newFolder = (): string => mkdtempSync(path.join(base, "conveyor-store-"));

  async function openIn(folder: string, options: StoreOptions): Promise<OpenedStore> {
    const lossy = synchronous === "off" ? ({ synchronous: "OFF", allowLossy: true } as const) : {};
    const file = path.join(folder, fileName);
    const store = await openSqliteStore(file, { ...options, ...lossy });
    const mark = (): number => statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0;

    /** A copy of the file with this much of its log. */
    async function openCut(walBytes: number): Promise<OpenedStore> {
      const copy = newFolder();
      copyFileSync(file, path.join(copy, fileName));
      const wal = walBytes > 0 ? readFileSync(`${file}-wal`).subarray(0, walBytes) : undefined;
      if (wal !== undefined) writeFileSync(path.join(copy, `${fileName}-wal`), wal);
      return openIn(copy, options);
    }

    return {
      store,
      mark,
      crash: () => openCut(mark()),
      async *cuts(from) {
        for (const walBytes of cutsOf(from, mark(), pageBytesOf(file))) yield await openCut(walBytes);
      },
      async removeJob(id) {
        const db = new Database(file);
        try {
          db.prepare("DELETE FROM job WHERE id = ?").run(id);
        } finally {
          db.close();
        }
      },
      async discard() {
        await store.close();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  }

  async function emptyStore(options: StoreOptions): Promise<Uint8Array> {
    const folder = newFolder();
    const { store, discard } = await openIn(folder, options);
    await store.close();
    const bytes = readFileSync(path.join(folder, fileName));
    await discard();
    return bytes;
  }

  return {
    name: "sqlite",
    lacks: { second: "several brokers on SQLite: one broker at a time has the file" },
    async open(options) {
      const folder = newFolder();
      if (synchronous === "off") {
        empty ??= emptyStore(options);
        writeFileSync(path.join(folder, fileName), await empty);
      }
      return openIn(folder, options);
    },
  };
}

/** Lengths of the log: at every frame boundary of what was written from `from` to `to`, and torn within the first and the last frame. */
function cutsOf(from: number, to: number, pageBytes: number): readonly number[] {
  const frameBytes = frameHeaderBytes + pageBytes;
  const boundaries: number[] = [];
  for (let end = Math.max(from, walHeaderBytes); end <= to; end += frameBytes) boundaries.push(end);
  const torn = [boundaries[0] ?? from, boundaries.at(-2) ?? from].map((start) => start + Math.floor(frameBytes / 2));
  return [...new Set([from, ...boundaries, ...torn])].sort((left, right) => left - right);
}

function pageBytesOf(file: string): number {
  // Source: the SQLite file format, offset 16: two bytes, 1 stands for 65,536.
  const bytes = readFileSync(file).readUInt16BE(16);
  return bytes === 1 ? 65_536 : bytes;
}
