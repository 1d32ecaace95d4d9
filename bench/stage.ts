import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { freeAddress, startBroker } from "../test/prove/process/broker.ts";
import { type Caller, createCaller } from "../test/prove/process/caller.ts";
import { type Spawned, spawnScript } from "../test/prove/process/spawned.ts";
import { openThrowAwayStore } from "../test/prove/process/throw-away-store.ts";
import { cpuMsOf, familyCpuMsOf, memoryOf } from "../test/prove/process/usage.ts";

/** `store`: the processes of a database server. */
export const roles = ["producer", "broker", "worker", "store"] as const;
export type Role = (typeof roles)[number];

/** The processes of one round, with a fresh store that keeps what it acknowledges. */
export interface Stage extends AsyncDisposable {
  readonly caller: Caller;
  readonly producer: Spawned;
  readonly worker: Spawned;
  /** CPU time used so far, in ms. */
  cpuMs(): Readonly<Record<Role, number>>;
  brokerPeakBytes(): number;
}

export interface StageOptions {
  /** `sqlite`, `postgres` or `redis`. */
  readonly store: string;
  readonly concurrency: number;
  /** A folder for CPU profiles of broker and worker; none are taken when undefined. */
  readonly profileFolder: string | undefined;
}

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export async function openStage({ store: storeName, concurrency, profileFolder }: StageOptions): Promise<Stage> {
  const folder = mkdtempSync(path.join(tmpdir(), "conveyor-bench-"));
  const store = await openThrowAwayStore(storeName, folder);
  const address = await freeAddress();
  const profiled = (name: Role) =>
    profileFolder === undefined
      ? []
      : ["--cpu-prof", `--cpu-prof-dir=${profileFolder}`, `--cpu-prof-name=${name}.cpuprofile`];
  const logOf = (name: Role) => path.join(folder, `${name}.log`);
  const broker = await startBroker({
    store: store.url,
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
    cpuMs: () => ({
      producer: cpuMsOf(producer.pid),
      broker: cpuMsOf(broker.pid),
      worker: cpuMsOf(worker.pid),
      store: store.server === undefined ? 0 : familyCpuMsOf(store.server.pid),
    }),
    brokerPeakBytes: () => memoryOf(broker.pid).peakBytes,
    async [Symbol.asyncDispose]() {
      caller.close();
      producer.kill("SIGKILL");
      for (const each of [processes.worker, processes.broker]) {
        each.kill("SIGTERM");
        await each.ended;
      }
      await store.server?.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
