import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import type { HashFile } from "../../gen/manifest/v1/manifest_pb.ts";
import type { JobContext } from "../../src/index.ts";
import { absolute, fromWire, toWire } from "./file-path.ts";

/** Reads a file as it is now; running it twice does no harm. */
export async function hashFile(job: HashFile, { signal }: JobContext) {
  const path = fromWire(job);
  const hash = createHash("sha256");
  let size = 0;
  // A link that took the file's place since the scan is not followed.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);
  for await (const chunk of createReadStream(absolute(job.root, path), { flags: flags as never, signal })) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { ...toWire(path), sha256: hash.digest("hex"), size: BigInt(size) };
}
