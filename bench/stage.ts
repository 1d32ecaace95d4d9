import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { freeAddress, startBroker } from "../test/prove/process/broker.ts";
import { type Caller, createCaller } from "../test/prove/process/caller.ts";
import { type Spawned, spawnScript } from "../test/prove/process/spawned.ts";
import { cpuMsOf, memoryOf } from "../test/prove/process/usage.ts";

export const roles = ["producer", "broker", "worker"] as const;
export type Role = (typeof roles)[number];

/** The three processes of one round, with a fresh SQLite file at FULL. */
export interface Stage extends AsyncDisposable {
  readonly caller: Caller;
  readonly producer: Spawned;
  readonly worker: Spawned;
  /** CPU time used so far, in ms. */
  cpuMs(): Readonly<Record<Role, number>>;
  brokerPeakBytes(): number;
}

export interface StageOptions {
  readonly concurrency: number;
  /** A folder for CPU profiles of broker and worker; none are taken when undefined. */
  readonly profileFolder: string | undefined;
}

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export async function openStage({ concurrency, profileFolder }: StageOptions): Promise<Stage> {
  const folder = mkdtempSync(path.join(tmpdir(), "conveyor-bench-"));
  const address = await freeAddress();
  const profiled = (name: Role) =>
    profileFolder === undefined
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`, `--cpu-prof-name=${name}.cpuprofile`];
  const logOf = (name: Role) => path.join(folder, `${name}.log`);
  const broker = await startBroker({
    store: `sqlite:${path.join(folder, "jobs.db")}`,
    address,
    logFile: logOf("broker"),
    nodeArgs: profiled("broker"),
  });
  const worker = spawnScript(script("worker.ts"), [address, String(concurrency)], {
    name: "worker",
    logFile: logOf("worker"),
    nodeArgs: profiled("worker"),
  });
  const producer = spawnScript(script("producer.ts"), [address], { name: "producer", logFile: logOf("producer") });
  await worker.line("ready");
  const caller = createCaller(address);
  const processes = { producer, broker, worker };

  return {
    caller,
    producer,
    worker,
    cpuMs: () => ({ producer: cpuMsOf(producer.pid), broker: cpuMsOf(broker.pid), worker: cpuMsOf(worker.pid) }),
    brokerPeakBytes: () => memoryOf(broker.pid).peakBytes,
    async [Symbol.asyncDispose]() {
      caller.close();
      producer.kill("SIGKILL");
      for (const each of [processes.worker, processes.broker]) {
        each.kill("SIGTERM");
        await each.ended;
      }
      rmSync(folder, { recursive: true });
    },
  };
}
