import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { HashFileJob } from "../../gen/manifest/v1/manifest_jobs.ts";
import type { Handler } from "../../src/index.ts";
import { absolute, fromWire, toWire } from "./file-path.ts";

const chunkBytes = 64 * 1024;

/** Reads a file as it is now; running it twice does no harm. */
export const hashFile: Handler<typeof HashFileJob> = async (job, { signal }) => {
  const path = fromWire(job);
  const hash = createHash("sha256");
  const chunk = Buffer.allocUnsafe(chunkBytes);
  let size = 0;
  // A link that took the file's place since the scan is not followed.
  await using file = await open(absolute(job.root, path), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  for (;;) {
    signal.throwIfAborted();
    const { bytesRead } = await file.read(chunk, 0, chunkBytes);
    if (bytesRead === 0) break;
    hash.update(chunk.subarray(0, bytesRead));
    size += bytesRead;
  }
  return { ...toWire(path), sha256: hash.digest("hex"), size: BigInt(size) };
};
