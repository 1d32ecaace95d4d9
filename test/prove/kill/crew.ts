import path from "node:path";
import { fileURLToPath } from "node:url";
import { type BrokerOptions, startBroker } from "../process/broker.ts";
import { type Spawned, spawnScript } from "../process/spawned.ts";

/** The processes of a run: a broker that comes back, and workers that are replaced. */
export interface Crew {
  readonly workers: readonly Spawned[];
  readonly brokerPid: number;
  /** kill -9; resolves with the time just before it, when the next broker serves. */
  killBroker(): Promise<number>;
  /** kill -9, and another in its place at once; gives the time just before it. */
  killWorker(worker: Spawned): number;
  /** Asks all to end, and waits for them. */
  stop(): Promise<void>;
}

export interface CrewOptions {
  readonly broker: BrokerOptions;
  readonly folder: string;
  readonly workerCount: number;
  readonly concurrency: number;
  readonly broken: string;
}

const workerScript = fileURLToPath(new URL("worker.ts", import.meta.url));
const stopMsMax = 20_000;

export async function startCrew(options: CrewOptions): Promise<Crew> {
  const { folder, concurrency, broken } = options;
  let broker = await startBroker(options.broker);
  const workers: Spawned[] = [];
  let hired = 0;
  const hire = (): Spawned => {
    hired += 1;
    const name = `worker-${hired}`;
    return spawnScript(
      workerScript,
      [options.broker.address, name, path.join(folder, `${name}.ledger`), String(concurrency), broken],
      { name, logFile: path.join(folder, `${name}.log`) },
    );
  };
  for (let index = 0; index < options.workerCount; index += 1) workers.push(hire());

  return {
    workers,
    get brokerPid() {
      return broker.pid;
    },
    async killBroker() {
      const at = Date.now();
      broker.kill("SIGKILL");
      await broker.ended;
      broker = await startBroker(options.broker);
      return at;
    },
    killWorker(worker) {
      const at = Date.now();
      worker.kill("SIGKILL");
      workers[workers.indexOf(worker)] = hire();
      return at;
    },
    async stop() {
      for (const worker of workers) worker.kill("SIGTERM");
      await ended(workers);
      broker.kill("SIGTERM");
      await ended([broker]);
    },
  };
}

/** A process that does not end when it is asked to is killed, so that nothing outlives the proof. */
async function ended(processes: readonly Spawned[]): Promise<void> {
  const timer = setTimeout(() => {
    for (const each of processes) if (each.ending() === undefined) each.kill("SIGKILL");
  }, stopMsMax);
  await Promise.all(processes.map((each) => each.ended));
  clearTimeout(timer);
}
