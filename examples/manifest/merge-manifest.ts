import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HashFileJob, type MergeManifestJob, ScanFolderJob } from "../../gen/manifest/v1/manifest_jobs.ts";
import type { Manifest } from "../../gen/manifest/v1/manifest_pb.ts";
import type { Handler, JobContext } from "../../src/index.ts";
import { fromWire } from "./file-path.ts";
import { formatLines, type ManifestLine, parseLines } from "./manifest-lines.ts";

/** The handler that writes manifests into `workFolder`, one for each job: a second run of the same job writes the same file. */
export function mergeManifest(workFolder: string): Handler<typeof MergeManifestJob> {
  return async (_job, context) => {
    const hashes = await context.results(HashFileJob);
    const lines: ManifestLine[] = hashes.map((each) => ({ path: fromWire(each), sha256: each.sha256 }));
    for (const part of await context.results(ScanFolderJob)) lines.push(...(await readPart(part)));
    const content = formatLines(lines);
    const manifestPath = join(workFolder, `${context.id}.sha256`);
    await mkdir(workFolder, { recursive: true });
    await writeWhole(manifestPath, content, context);
    return { manifestPath, sha256: sha256Of(content), count: BigInt(lines.length) };
  };
}

async function readPart({ manifestPath, sha256 }: Manifest): Promise<readonly ManifestLine[]> {
  const content = await readFile(manifestPath);
  if (sha256Of(content) !== sha256) throw new Error(`${manifestPath} is not what was written there`);
  return parseLines(content);
}

/** Under another name first: a run that is cut off, or another attempt beside this one, leaves no half a file. */
async function writeWhole(path: string, content: Buffer, { attempt, signal }: JobContext): Promise<void> {
  const unfinished = `${path}.${attempt}.part`;
  await writeFile(unfinished, content, { signal });
  await rename(unfinished, path);
}

function sha256Of(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
