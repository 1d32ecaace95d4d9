import path from "node:path";
import { fileURLToPath } from "node:url";
import { startBroker } from "../process/broker.ts";
import { type Spawned, spawnScript } from "../process/spawned.ts";

/** The processes of a run: brokers that come back, and workers that are replaced. */
export interface Crew {
  readonly workers: readonly Spawned[];
  /** kill -9 of the next broker in turn; resolves with the time just before it, when it serves again. */
  killBroker(): Promise<number>;
  /** kill -9, and another in its place at once; gives the time just before it. */
  killWorker(worker: Spawned): number;
  /** Throws when a process has ended that nobody killed. */
  throwIfDeserted(): void;
  /** Asks all to end, and waits for them. */
  stop(): Promise<void>;
}

export interface CrewOptions {
  readonly store: string;
  /** One for each broker. */
  readonly addresses: readonly string[];
  readonly folder: string;
  readonly workerCount: number;
  readonly concurrency: number;
  readonly broken: string;
}

const workerScript = fileURLToPath(new URL("worker.ts", import.meta.url));
const stopMsMax = 20_000;

export async function startCrew(options: CrewOptions): Promise<Crew> {
  const { folder, concurrency, broken, addresses } = options;
  const serve = (index: number) =>
    startBroker({
      store: options.store,
      address: addresses[index] ?? "",
      logFile: path.join(folder, `broker-${index + 1}.log`),
    });
  const brokers = await Promise.all(addresses.map((_, index) => serve(index)));
  const workers: Spawned[] = [];
  let hired = 0;
  let killedBrokers = 0;
  /** Each knows all brokers, and asks another one first. */
  const hire = (): Spawned => {
    hired += 1;
    const name = `worker-${hired}`;
    const turned = addresses.map((_, index) => addresses[(index + hired) % addresses.length]);
    return spawnScript(
      workerScript,
      [turned.join(","), name, path.join(folder, `${name}.ledger`), String(concurrency), broken],
      { name, logFile: path.join(folder, `${name}.log`) },
    );
  };
  for (let index = 0; index < options.workerCount; index += 1) workers.push(hire());

  return {
    workers,
    async killBroker() {
      const index = killedBrokers % addresses.length;
      killedBrokers += 1;
      const broker = brokers[index];
      if (broker === undefined) throw new Error("there is no broker to kill");
      const at = Date.now();
      broker.kill("SIGKILL");
      await broker.ended;
      brokers[index] = await serve(index);
      return at;
    },
    killWorker(worker) {
      const at = Date.now();
      worker.kill("SIGKILL");
      workers[workers.indexOf(worker)] = hire();
      return at;
    },
    throwIfDeserted() {
      const deserter = [...brokers, ...workers].find((each) => each.ending() !== undefined);
      if (deserter !== undefined) throw new Error(`${deserter.name} ended by itself: ${deserter.ending()}`);
    },
    async stop() {
      for (const worker of workers) worker.kill("SIGTERM");
      await ended(workers);
      for (const broker of brokers) broker.kill("SIGTERM");
      await ended(brokers);
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
