import { type ChildProcess, spawn } from "node:child_process";
import { guard } from "./guard.ts";

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** What it prints once it can be used. */
  readonly ready: RegExp;
  /** Folders that are removed when this process dies without stopping the server. */
  readonly scratch: readonly string[];
}

export interface Running {
  readonly pid: number;
  /** Sends the signal and resolves when the process has ended; kills it after 30 s. */
  end(signal: NodeJS.Signals): Promise<void>;
}

const readyMsMax = 60_000;
const endMsMax = 30_000;
const printedCharsMax = 20_000;

/** Starts a server in a process group of its own, which Ctrl-C does not reach, and resolves when it is ready. */
export async function launch({ command, args, env, cwd, uid, gid, ready, scratch }: Launch): Promise<Running> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
  });
  const ended = new Promise<void>((resolve) => {
    child.once("error", () => resolve());
    child.once("exit", () => resolve());
  });
  const unguard = child.pid === undefined ? () => undefined : guard(child.pid, scratch);
  void ended.then(unguard);
  const problem = await untilReady(child, ready);
  if (problem !== undefined) {
    child.kill("SIGKILL");
    throw new Error(`${command} did not start (${problem})`);
  }
  return {
    pid: child.pid ?? 0,
    async end(signal) {
      const late = setTimeout(() => child.kill("SIGKILL"), endMsMax);
      child.kill(signal);
      await ended;
      clearTimeout(late);
    },
  };
}

/** Undefined when it is ready, else what it printed before it ended or the time was over. */
function untilReady(child: ChildProcess, ready: RegExp): Promise<string | undefined> {
  return new Promise((resolve) => {
    let printed = "";
    let told = false;
    const tell = (problem: string | undefined): void => {
      told = true;
      clearTimeout(late);
      resolve(problem);
    };
    const late = setTimeout(() => tell(`not ready after ${readyMsMax / 1_000} s: ${printed.trim()}`), readyMsMax);
    // Read on when that is told, too: a server whose output nobody reads stands still once the pipe is full.
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        if (told) return;
        printed = (printed + text).slice(-printedCharsMax);
        if (ready.test(printed)) tell(undefined);
      });
    }
    child.once("error", (error) => tell(error.message));
    child.once("close", (code, signal) => tell(`it ended with ${signal ?? code}: ${printed.trim()}`));
  });
}
