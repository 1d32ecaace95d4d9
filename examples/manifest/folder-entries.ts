import { readdir } from "node:fs/promises";
import { absolute, type BytePath, below } from "./file-path.ts";

/** What a manifest is about: regular files, and the folders that hold them. Symbolic links and the rest are passed over, as `find -type f` does. */
export interface Entry {
  /** Relative to the folder that was listed. */
  readonly name: BytePath;
  readonly kind: "file" | "folder";
}

/** The entries of a folder, in the order of their bytes. */
export async function folderEntries(root: string, folder: BytePath): Promise<readonly Entry[]> {
  const found = await readdir(absolute(root, folder), { withFileTypes: true, encoding: "buffer" });
  const entries: Entry[] = [];
  for (const each of found) {
    const name = each.name.toString("latin1");
    if (each.isFile()) entries.push({ name, kind: "file" });
    else if (each.isDirectory()) entries.push({ name, kind: "folder" });
  }
  return entries.sort(byName);
}

/** All files at and below a folder, without recursion in jobs: for what lies deeper than a chain may be. */
export async function filesBelow(root: string, folder: BytePath, signal: AbortSignal): Promise<readonly Entry[]> {
  const files: Entry[] = [];
  const folders: BytePath[] = [""];
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    signal.throwIfAborted();
    for (const { name, kind } of await folderEntries(root, below(folder, next))) {
      if (kind === "folder") folders.push(below(next, name));
      else files.push({ name: below(next, name), kind });
    }
  }
  return files.sort(byName);
}

function byName(a: Entry, b: Entry): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}
