import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

/** Root without the capabilities that let it pass permissions: another user may not be able to read this repository. */
const passing = "-dac_override,-dac_read_search";
const rootThatIsBound: readonly string[] = ["setpriv", `--bounding-set=${passing}`, `--inh-caps=${passing}`];

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** File permissions bind it, even when this process is root. */
  readonly isBound?: boolean;
  /** Closes the reading end of its stdout at once. */
  readonly hangUp?: boolean;
}

/** Runs the command line as a process of its own, off a terminal, to its end. */
export async function conveyor(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const child = start(args, options);
  child.stdin?.end(options.stdin ?? "");
  if (options.hangUp) child.stdout?.destroy();
  return endOf(child);
}

export async function endOf(child: ChildProcess): Promise<Ended> {
  if (child.stdout === null || child.stderr === null) throw new Error("its output is not a pipe");
  const read = child.stdout.destroyed ? Promise.resolve("") : text(child.stdout);
  const [stdout, stderr] = await Promise.all([read, text(child.stderr), once(child, "close")]);
  return { code: child.exitCode, signal: child.signalCode, stdout, stderr };
}

export function start(args: readonly string[], { env = {}, cwd, isBound = false }: RunOptions = {}): ChildProcess {
  const rest = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(CONVEYOR_(?!TEST_)|NO_COLOR$)/.test(name)),
  );
  const command = [...(isBound && process.getuid?.() === 0 ? rootThatIsBound : []), process.execPath, main, ...args];
  return spawn(command[0] ?? "", command.slice(1), {
    stdio: "pipe",
    env: { ...rest, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
}

export interface ServedBroker extends AsyncDisposable {
  readonly address: string;
  /** The machine-readable line that it began with. */
  readonly banner: Readonly<Record<string, unknown>>;
  readonly child: ChildProcess;
  /** All that it wrote to stderr so far. */
  readonly stderr: () => string;
  /** Asks it to end, and resolves when it has. */
  readonly stop: (
    signal?: NodeJS.Signals,
  ) => Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** `conveyor serve` as a process of its own on a free port of 127.0.0.1; throws with what it said when it does not start. */
export async function serve(args: readonly string[], options: RunOptions = {}): Promise<ServedBroker> {
  const child = start(["serve", "--listen", "127.0.0.1:0", "-o", "json", ...args], options);
  if (child.stdout === null || child.stderr === null) throw new Error("its output is not a pipe");
  let words = "";
  child.stderr.setEncoding("utf8").on("data", (said: string) => {
    words += said;
  });
  const closed = once(child, "close");
  const line = once(createInterface({ input: child.stdout }), "line");
  const first = await Promise.race([line, closed.then(() => undefined)]);
  if (first === undefined) throw new Error(`serve ended with ${child.exitCode}: ${words}`);
  const banner = JSON.parse(String(first[0])) as Record<string, unknown>;
  async function stop(signal: NodeJS.Signals = "SIGTERM") {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await closed;
    return { code: child.exitCode, signal: child.signalCode };
  }
  return {
    address: String(banner.address),
    banner,
    child,
    stderr: () => words,
    stop,
    async [Symbol.asyncDispose]() {
      await stop("SIGKILL");
    },
  };
}
