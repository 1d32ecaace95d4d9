import { openSync, readdirSync, readSync } from "node:fs";
import path from "node:path";
import { type Connection, parseLines } from "./ledger.ts";

/** What the handlers' ledgers say right now. */
export interface LedgerWatch {
  /** Reads what was appended since the last call. */
  look(): void;
  /** Attempts that have started and not ended, by worker. */
  running(worker: string): { readonly count: number; readonly heirs: number };
  /** What a worker last wrote of its connection. */
  connection(worker: string): Connection["state"] | undefined;
  /** Attempts that started, in all. */
  readonly started: number;
}

const chunkBytes = 1024 * 1024;

/** Follows all `*.ledger` files of a folder, new ones too. */
export function watchLedgers(folder: string): LedgerWatch {
  const files = new Map<string, { readonly descriptor: number; offset: number }>();
  const open = new Map<string, Map<string, boolean>>();
  const connections = new Map<string, Connection["state"]>();
  const buffer = Buffer.alloc(chunkBytes);
  const watch = { started: 0 };

  function look(): void {
    for (const name of readdirSync(folder)) {
      if (name.endsWith(".ledger") && !files.has(name)) {
        files.set(name, { descriptor: openSync(path.join(folder, name), "r"), offset: 0 });
      }
    }
    for (const file of files.values()) {
      for (let read = chunkBytes; read === chunkBytes; ) {
        read = readSync(file.descriptor, buffer, 0, chunkBytes, file.offset);
        const { lines, taken } = parseLines(buffer.toString("latin1", 0, read)); // one character a byte: JSON of ASCII
        file.offset += taken;
        for (const line of lines) take(line);
      }
    }
  }

  function take(line: ReturnType<typeof parseLines>["lines"][number]): void {
    if (line.what === "start") {
      watch.started += 1;
      const attempts = open.get(line.worker) ?? new Map<string, boolean>();
      open.set(line.worker, attempts.set(`${line.jobId} ${line.attempt}`, line.heir));
    } else if (line.what === "end") open.get(line.worker)?.delete(`${line.jobId} ${line.attempt}`);
    else if (line.what === "connection") connections.set(line.worker, line.state);
  }

  return {
    look,
    running(worker) {
      const attempts = [...(open.get(worker)?.values() ?? [])];
      return { count: attempts.length, heirs: attempts.filter((heir) => heir).length };
    },
    connection: (worker) => connections.get(worker),
    get started() {
      return watch.started;
    },
  };
}
