// node examples/manifest/worker.ts ADDRESS WORK_FOLDER: runs the example's jobs until it is told to stop.

import { manifestJobs } from "../../gen/manifest/v1/manifest_jobs.ts";
import { createWorker } from "../../src/index.ts";
import { hashFile } from "./hash-file.ts";
import { mergeManifest } from "./merge-manifest.ts";
import { scanFolder } from "./scan-folder.ts";

const [address, workFolder] = process.argv.slice(2);
if (address === undefined || workFolder === undefined) {
  console.error("usage: worker.ts ADDRESS WORK_FOLDER");
  process.exit(2);
}

const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort());
// Who started it is gone, and takes the broker along: there is nobody to say goodbye to.
process.once("disconnect", () => process.exit(1));

const worker = createWorker(address, { concurrency: 32, name: "manifest" }).handleAll(manifestJobs, {
  scanFolder,
  hashFile,
  mergeManifest: mergeManifest(workFolder),
});
console.log(`running jobs of ${address}`);
await worker.run({ signal: stopping.signal });
process.exit(0);
