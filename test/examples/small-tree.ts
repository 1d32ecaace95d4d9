import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Names that a manifest must get right: spaces, line breaks, backslashes, leading dashes, no UTF-8, long ones. */
const oddNames: readonly (string | Buffer)[] = [
  "with space",
  "line\nbreak",
  "carriage\rreturn",
  "back\\slash",
  "back\\nslash",
  "-dash",
  "*star",
  "üñí-日本",
  ".hidden",
  `${"x".repeat(200)}.long`,
  " ",
  Buffer.from([0x66, 0xff, 0xfe]),
];

/**
 * Makes a tree below `folder` with odd names of files and folders, empty folders, files that no `find -type f` counts, a folder of
 * more files than one result may declare, and one of more levels than a chain may have.
 */
export async function makeSmallTree(folder: string): Promise<void> {
  for (const name of oddNames) {
    await writeFile(pathOf(folder, name), String(name));
    const sub = pathOf(folder, Buffer.concat([Buffer.from("d "), Buffer.from(name)]));
    await mkdir(sub);
    await writeFile(Buffer.concat([sub, Buffer.from("/"), Buffer.from(name)]), `in ${String(name)}`);
  }
  await mkdir(join(folder, "empty", "also empty"), { recursive: true });
  await writeFile(join(folder, "no bytes"), "");
  await symlink("no bytes", join(folder, "link to a file"));
  await symlink("empty", join(folder, "link to a folder"));
  await symlink("nowhere", join(folder, "link to nothing"));
  // Sorted by path, "a-b" stands before "a/b", and "a0" after it.
  await mkdir(join(folder, "a"));
  for (const name of ["a-b", "a/b", "a0"]) await writeFile(join(folder, name), name);
}

export async function makeWideFolder(folder: string, files: number): Promise<void> {
  await mkdir(folder);
  for (let from = 0; from < files; from += 500) {
    const names = Array.from({ length: Math.min(500, files - from) }, (_, index) => `file ${from + index}`);
    await Promise.all(names.map((name) => writeFile(join(folder, name), name)));
  }
}

export async function makeDeepFolder(folder: string, levels: number): Promise<void> {
  let path = folder;
  for (let level = 0; level < levels; level++) {
    await mkdir(path);
    await writeFile(join(path, "file"), `level ${level}`);
    path = join(path, "d");
  }
}

function pathOf(folder: string, name: string | Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]);
}
