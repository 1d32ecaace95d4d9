import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import path from "node:path";
import { median } from "./measure.ts";

/** What the figures were measured on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  /** Median time of a 4 KiB append with fdatasync on the disk that the bench uses. */
  readonly fdatasyncMs: number;
}

const syncCount = 300;

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${release()}`,
    node: process.version,
    fdatasyncMs: measureSync(),
  };
}

function measureSync(): number {
  const folder = mkdtempSync(path.join(tmpdir(), "conveyor-bench-"));
  const file = openSync(path.join(folder, "sync"), "a");
  const page = Buffer.alloc(4_096, 1);
  const times = Array.from({ length: syncCount }, () => {
    const from = performance.now();
    writeSync(file, page);
    fdatasyncSync(file);
    return performance.now() - from;
  });
  closeSync(file);
  rmSync(folder, { recursive: true });
  return median(times);
}
