import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from "node:fs";
import path from "node:path";

/** A value at a time, in ms since the epoch. */
export interface Sample {
  readonly at: number;
  readonly ms: number;
}

/** Reads lines of a time and a value. */
export function parseSamples(text: string): readonly Sample[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [at, ms] = line.split(" ").slice(-2).map(Number);
      return { at: at ?? Number.NaN, ms: ms ?? Number.NaN };
    });
}

export function between(samples: readonly Sample[], from: number, to: number): readonly number[] {
  return samples.filter(({ at }) => at >= from && at <= to).map(({ ms }) => ms);
}

/** The value that a share of all values does not exceed; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Times of appends of 4 KiB with fdatasync in a folder, in ms. */
export function measureDisk(folder: string): readonly number[] {
  const file = path.join(folder, "fdatasync");
  const descriptor = openSync(file, "w");
  const times = Array.from({ length: 200 }, () => {
    const begun = performance.now();
    writeSync(descriptor, Buffer.alloc(4_096));
    fdatasyncSync(descriptor);
    return performance.now() - begun;
  });
  closeSync(descriptor);
  rmSync(file);
  return times;
}
