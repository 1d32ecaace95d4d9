import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { run } from "./bootstrap/child.mjs";

/** The repository's directory, with a slash at its end. */
export const root: string = fileURLToPath(new URL("..", import.meta.url));

// On Windows what npm puts into node_modules/.bin are scripts that only a shell can start.
const spawnOptions = { cwd: root, shell: process.platform === "win32" };

export interface Captured {
  readonly code: number;
  readonly stdout: string;
  /** Both streams, in the order in which they came. */
  readonly output: string;
}

/** Runs a command in the repository without a terminal and resolves with its exit status and all it printed. */
export async function capture(command: string, args: readonly string[]): Promise<Captured> {
  const child = spawn(command, args, { ...spawnOptions, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  await once(child, "close");
  return { code: child.exitCode ?? 1, stdout, output };
}

/** Runs a command in the repository on this terminal and resolves with its exit status. */
export async function show(command: string, args: readonly string[]): Promise<number> {
  const { code } = await run(command, args, spawnOptions);
  return code ?? 1;
}
