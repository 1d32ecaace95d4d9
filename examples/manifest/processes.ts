import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** A process of ours, which never outlives us: it ends itself when the channel to us breaks. */
export interface OwnedProcess extends AsyncDisposable {
  readonly name: string;
  /** The first line of its stdout; throws with its last words when it ended before. */
  readonly firstLine: Promise<string>;
  /** Resolves when it has ended, with its exit status; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** What it said last on stderr. */
  readonly lastWords: () => string;
}

const wordsMax = 4_000;
/** How long a process may take to end in good order. */
const stopMs = 10_000;

/** Starts a script of the repository with this Node. */
export function startProcess(name: string, script: string, args: readonly string[]): OwnedProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL(`../../${script}`, import.meta.url)), ...args], {
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // A group of its own: Ctrl-C reaches us alone, and we end the others in order.
    detached: process.platform !== "win32",
    windowsHide: true,
  });
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-wordsMax);
  });
  const ended = once(child, "close").then(() => child.exitCode);
  const firstLine = lineOf(child, ended, () => `${name} could not start: ${words.trim() || "it said nothing"}`);
  firstLine.catch(() => undefined);
  ended.catch(() => undefined);
  return {
    name,
    firstLine,
    ended,
    lastWords: () => words.trim(),
    [Symbol.asyncDispose]: () => stop(child, ended),
  };
}

async function lineOf(child: ChildProcess, ended: Promise<unknown>, problem: () => string): Promise<string> {
  if (child.stdout === null) throw new Error("stdout is not a pipe");
  const lines = createInterface({ input: child.stdout });
  const line = new Promise<string>((resolve) => lines.once("line", resolve));
  const first = await Promise.race([line, ended.then(() => undefined)]);
  if (first === undefined) throw new Error(problem());
  return first;
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const force = setTimeout(() => child.kill("SIGKILL"), stopMs);
  child.kill("SIGTERM");
  await ended;
  clearTimeout(force);
}
