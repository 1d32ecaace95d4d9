import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

/** What one run works in: the store, the parts of the manifest, logs. */
export interface RunFolder extends AsyncDisposable {
  readonly path: string;
}

/** A fresh folder of this process below `workFolder`; those of processes that are gone are removed first. */
export async function openRunFolder(workFolder: string, options: { readonly keep: boolean }): Promise<RunFolder> {
  await mkdir(workFolder, { recursive: true });
  for (const name of await readdir(workFolder)) {
    const pid = /^run-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && isGone(Number(pid))) await rm(join(workFolder, name), { recursive: true, force: true });
  }
  const path = join(workFolder, `run-${process.pid}`);
  await mkdir(path);
  return {
    path,
    async [Symbol.asyncDispose]() {
      if (!options.keep) await rm(path, { recursive: true, force: true });
    },
  };
}

function isGone(pid: number): boolean {
  // An earlier process had the same number as this one.
  if (pid === process.pid) return true;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}
