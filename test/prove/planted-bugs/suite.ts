import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { deskVariable } from "../../servers/desk.ts";

/** One test as it came out. */
export interface TestEnd {
  readonly file: string;
  /** With the names of the suites around it, joined by " > ". */
  readonly title: string;
  readonly name: string;
  readonly kind: string | undefined;
  readonly ok: boolean;
  readonly skipped: boolean;
  readonly ms: number;
  readonly error?: string;
}

export interface SuiteOptions {
  /** The copy of the project to run in. */
  readonly folder: string;
  readonly files: readonly string[];
  /** Runs the cases of this store alone; empty: all tests. */
  readonly engine: string;
  /** Where test processes ask for servers: the socket file of a desk. */
  readonly desk: string;
  readonly concurrency: number;
  /** For one test. */
  readonly testMsMax: number;
  /** For all of it: then the run is killed, and what had not ended counts as not run. */
  readonly msMax: number;
}

const runner = fileURLToPath(new URL("run-suite.ts", import.meta.url));

/** Runs test files in a process of its own; resolves with every test that ended, suites left out. */
export async function runSuite({
  folder,
  files,
  engine,
  desk,
  concurrency,
  testMsMax,
  msMax,
}: SuiteOptions): Promise<readonly TestEnd[]> {
  const child = spawn(process.execPath, [runner, String(concurrency), String(testMsMax), engine, ...files], {
    env: { ...process.env, [deskVariable]: desk },
    cwd: folder,
    stdio: ["ignore", "pipe", "ignore"],
    detached: true, // a group of its own, so that a kill reaches the test files' processes
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const killAll = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  };
  const timer = setTimeout(killAll, msMax);
  process.once("exit", killAll);
  await new Promise((resolve) => child.once("close", resolve));
  process.off("exit", killAll);
  clearTimeout(timer);
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as TestEnd) // written by run-suite.ts
    .filter((end) => end.kind !== "suite" && !end.skipped);
}
