import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const projectFolder: string = fileURLToPath(new URL("../../../", import.meta.url));

/** A copy of the project as it lies here, without what git ignores; the packages are shared. The caller removes it. */
export function copyProject(): string {
  const copy = mkdtempSync(path.join(tmpdir(), "conveyor-planted-"));
  const listed = command("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], projectFolder);
  if (listed.code !== 0) throw new Error(`git ls-files: ${listed.output}`);
  for (const file of listed.output.split("\0").filter((name) => name !== "")) {
    const from = path.join(projectFolder, file);
    if (!existsSync(from)) continue; // deleted, and not committed yet
    mkdirSync(path.dirname(path.join(copy, file)), { recursive: true });
    cpSync(from, path.join(copy, file));
  }
  symlinkSync(path.join(projectFolder, "node_modules"), path.join(copy, "node_modules"));
  return copy;
}

/** A copy of a copy, so that all patches meet the same project although people go on working on it. */
export function copyAgain(copy: string): string {
  const another = mkdtempSync(path.join(tmpdir(), "conveyor-planted-"));
  cpSync(copy, another, { recursive: true, verbatimSymlinks: true });
  return another;
}

/** Runs a command to its end; bounded in time. */
export function command(
  name: string,
  args: readonly string[],
  cwd: string,
): { readonly code: number; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(name, args, {
    cwd,
    encoding: "utf8",
    timeout: 180_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  return { code: status ?? 1, output: `${stdout}${stderr}` };
}
