import { mkdtempSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const memoryFolder = "/dev/shm";
const roomBytesMin = 2 * 1024 ** 3;

/** A new folder: on a disk, or in memory where the machine has room there. */
export function makeFolder(name: string, { durable }: { readonly durable: boolean }): string {
  return mkdtempSync(path.join(durable || !hasRoomInMemory() ? tmpdir() : memoryFolder, `conveyor-${name}-`));
}

function hasRoomInMemory(): boolean {
  try {
    const { bavail, bsize } = statfsSync(memoryFolder);
    return bavail * bsize >= roomBytesMin;
  } catch {
    return false;
  }
}
