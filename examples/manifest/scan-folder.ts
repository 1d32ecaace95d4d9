import { HashFileJob, MergeManifestJob, ScanFolderJob } from "../../gen/manifest/v1/manifest_jobs.ts";
import type { Handler } from "../../src/index.ts";
import { type BytePath, below, fromWire, shown, toBytes, toWire } from "./file-path.ts";
import { filesBelow, folderEntries } from "./folder-entries.ts";
import { slicesOf, within } from "./slices.ts";

/** A chain is at most 64 levels deep; from here on a folder's files are declared flat, with room for slices of slices. */
const flatFromDepth = 60;

/** Declares a job for each entry of the folder, and the heir that merges what they give into the folder's manifest. */
export const scanFolder: Handler<typeof ScanFolderJob> = async (job, context) => {
  const { root } = job;
  const folder = fromWire(job);
  const slice = { above: latin1(job.slice?.above), through: latin1(job.slice?.through) };
  const listed =
    context.depth >= flatFromDepth ? await filesBelow(root, folder, context.signal) : await folderEntries(root, folder);
  const entries = within(listed, slice);
  const slices = slicesOf(entries, slice, root.length + folder.length);

  if (slices.length > 1) {
    for (const each of slices) {
      const range = { above: toBytes(each.above), through: toBytes(each.through) };
      context.child(ScanFolderJob, { root, ...toWire(folder), slice: range });
    }
  } else {
    for (const { name, kind } of entries) {
      const payload = { root, ...toWire(below(folder, name)) };
      if (kind === "file") context.child(HashFileJob, payload);
      else context.child(ScanFolderJob, payload, keyOf(name));
    }
  }
  return context.heir(MergeManifestJob, { path: shown(folder) }, { asResult: true });
};

/** A folder's name shows in `conveyor chain show`, where it can be a key. */
function keyOf(name: BytePath): { readonly key?: string } {
  return /^[\x20-\x7e]{1,128}$/.test(name) ? { key: name } : {};
}

function latin1(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString("latin1");
}
