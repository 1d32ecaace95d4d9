import { type Broker, createBroker } from "../../src/broker/index.ts";
import type { BrokerIntervals } from "../../src/broker/options.ts";
import { type ConnectOptions, type Conveyor, connect } from "../../src/client/conveyor.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import type { Store } from "../../src/store/store.ts";
import { createWorker, type Worker } from "../../src/worker/worker.ts";
import type { WorkerOptions } from "../../src/worker/worker-options.ts";

/** A broker in this process with a store of its own, and what is made for it; disposing ends all of it, newest first. */
export interface World extends AsyncDisposable {
  readonly store: Store;
  readonly broker: Broker;
  readonly address: string;
  readonly client: Conveyor;
  connect(options?: ConnectOptions): Conveyor;
  /** A worker, at the broker itself or by way of a relay, that is stopped at the end of the test; the test runs it. */
  worker(options?: WorkerOptions, by?: string): Worker;
  /** Stops the broker; its store is closed too when it can be opened again. */
  stopBroker(): Promise<void>;
  /** Another broker on the same store and port. */
  startBroker(): Promise<void>;
}

/** Short enough for tests that wait for a time-out of the protocol. */
const intervals: Partial<BrokerIntervals> = { heartbeatMs: 100, tickMs: 50, pollMs: 50, drainMs: 50, stopMs: 1_000 };

export async function openWorld(
  options: {
    /** Opens the store of each broker in turn; one store in memory for all of them when left out. */
    readonly openStore?: () => Promise<Store>;
    readonly intervals?: Partial<BrokerIntervals>;
  } = {},
): Promise<World> {
  const stack = new AsyncDisposableStack();
  const { openStore } = options;
  let store = await (openStore?.() ?? openMemoryStore({ defaults: serverDefaults }));
  stack.defer(() => store.close());
  const start = async (listen: string) => {
    const started = createBroker({ store, listen, intervals: { ...intervals, ...options.intervals } });
    await started.start();
    return started;
  };
  let broker = await start("127.0.0.1:0");
  const { address } = broker;
  stack.defer(() => broker.stop());
  const open = (settings?: ConnectOptions) => stack.use(connect(address, settings));
  return {
    get store() {
      return store;
    },
    get broker() {
      return broker;
    },
    address,
    client: open(),
    connect: open,
    worker(settings = {}, by = address) {
      const worker = createWorker(by, settings);
      stack.defer(() => worker.stop({ deadlineMs: 0 }));
      return worker;
    },
    async stopBroker() {
      await broker.stop();
      if (openStore !== undefined) await store.close();
    },
    async startBroker() {
      if (openStore !== undefined) store = await openStore();
      broker = await start(address);
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
