import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { absolute, shown } from "./file-path.ts";
import { parseLines } from "./manifest-lines.ts";

/** Checks every line of a manifest against the files below `root`, by `sha256sum -c` where there is one; answers who checked. Throws for what does not match. */
export async function verifyManifest(manifestPath: string, root: string): Promise<"sha256sum -c" | "own check"> {
  const lines = parseLines(await readFile(manifestPath));
  // sha256sum calls a manifest without lines badly formatted.
  if (lines.length > 0 && (await checkedBySha256sum(manifestPath, root))) return "sha256sum -c";
  for (const { path, sha256 } of lines) {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(absolute(root, path))) hash.update(chunk);
    if (hash.digest("hex") !== sha256) throw new Error(`${shown(path)} is not what the manifest says`);
  }
  return "own check";
}

/** False where there is no sha256sum. */
async function checkedBySha256sum(manifestPath: string, root: string): Promise<boolean> {
  const child = spawn("sha256sum", ["-c", "--quiet", "--strict", manifestPath], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  try {
    await once(child, "close");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
  const [out, err] = await said;
  if (child.exitCode === 0) return true;
  throw new Error(`sha256sum -c ${manifestPath} says: ${(out + err).trim().split("\n").slice(0, 5).join("; ")}`);
}
