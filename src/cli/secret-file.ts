import { readFileSync, statSync } from "node:fs";

const bytesMax = 4 * 1024 * 1024;

/** The text of a small file that an operator named. Throws an Error that says why it cannot be read, and never what is in it. */
export function readSecretFile(path: string): string {
  const { size } = statSync(path);
  if (size > bytesMax) throw new Error(`it has ${size} bytes, at most ${bytesMax} are read`);
  return readFileSync(path, "utf8");
}

/** Whether every user of this machine may read the file. */
export function isReadableByAll(path: string): boolean {
  return process.platform !== "win32" && (statSync(path).mode & 0o004) !== 0;
}
