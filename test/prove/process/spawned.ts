import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";

/** A process of a proof: its lines on stdout, its talk in a log file. */
export interface Spawned {
  readonly name: string;
  readonly pid: number;
  /** Resolves with "code N" or "signal S" when the process has ended. */
  readonly ended: Promise<string>;
  /** Undefined while it runs. */
  ending(): string | undefined;
  /** Calls `listener` for each line that it prints from now on. */
  onLine(listener: (line: string) => void): void;
  /** Resolves with the first line from now on that starts with `prefix`; throws when the process ends first. */
  line(prefix: string): Promise<string>;
  /** Writes one line to its stdin. */
  tell(line: string): void;
  kill(signal: NodeJS.Signals): void;
}

export interface SpawnOptions {
  readonly name: string;
  /** Gets what the process writes to stderr. */
  readonly logFile: string;
  /** For node itself, such as `--cpu-prof`. */
  readonly nodeArgs?: readonly string[];
}

/** Starts a script with this very Node, as a process of its own. */
export function spawnScript(script: string, args: readonly string[], options: SpawnOptions): Spawned {
  const { name, logFile, nodeArgs = [] } = options;
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, [...nodeArgs, script, ...args], { stdio: ["pipe", "pipe", log] });
  closeSync(log);
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error("pipes were asked for");
  const listeners = new Set<(line: string) => void>();
  let ending: string | undefined;
  let rest = "";
  stdin.on("error", () => undefined); // a killed process reads no more
  stdout.setEncoding("utf8").on("data", (text: string) => {
    const lines = `${rest}${text}`.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) for (const listener of [...listeners]) listener(line);
  });
  // Nothing outlives the proof, however it ends; see exitOnSignals.
  const killWithUs = () => child.kill("SIGKILL");
  process.once("exit", killWithUs);
  const ended = once(child, "close").then(([code, signal]) => {
    process.off("exit", killWithUs);
    ending = signal === null ? `code ${code}` : `signal ${signal}`;
    return ending;
  });
  if (child.pid === undefined) throw new Error(`${name}: the process did not start`);
  return {
    name,
    pid: child.pid,
    ended,
    ending: () => ending,
    onLine: (listener) => void listeners.add(listener),
    line: (prefix) =>
      new Promise((resolve, reject) => {
        const listener = (line: string) => {
          if (!line.startsWith(prefix)) return;
          listeners.delete(listener);
          resolve(line);
        };
        listeners.add(listener);
        void ended.then((how) =>
          reject(new Error(`${name} ended with ${how} before it said "${prefix}"; see ${logFile}`)),
        );
      }),
    tell: (line) => void stdin.write(`${line}\n`),
    kill: (signal) => void child.kill(signal),
  };
}

/** Makes a signal an exit, so that the processes that were started end with this one. */
export function exitOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
}
