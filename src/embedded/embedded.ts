import { type BrokerIntervals, createBroker } from "../broker/index.ts";
import { type ConnectOptions, Conveyor } from "../client/conveyor.ts";
import { ConveyorError } from "../core/errors.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Store } from "../store/store.ts";
import type { Credentials } from "../wire/credentials.ts";
import { createInProcessServer } from "../wire/in-process/server.ts";
import { Worker } from "../worker/worker.ts";
import type { WorkerOptions } from "../worker/worker-options.ts";
import { type OpenStoreOptions, openStore } from "./open-store.ts";

/** What an application with its own broker is opened with. */
export interface EmbeddedOptions extends Omit<ConnectOptions, keyof Credentials>, Omit<OpenStoreOptions, "clock"> {
  /** URL of the store, see `openStore`: `sqlite:PATH`, `:memory:`, or a server's. */
  readonly store: string;
  /** What the broker says; silent when left out. */
  readonly logger?: Logger | undefined;
}

/** Options of a worker that needs no address and no credentials. */
export type EmbeddedWorkerOptions = Omit<WorkerOptions, keyof Credentials>;

/** A broker in this process with its client and workers: open -> closed. */
export interface Embedded extends AsyncDisposable {
  /** Enqueues and looks, as what `connect()` gives. */
  readonly client: Conveyor;
  /** A worker of this broker, as `createWorker()` makes one; `close` stops it. */
  worker(options?: EmbeddedWorkerOptions): Worker;
  /**
   * Closes all of it: workers finish what they run, up to `deadlineMs` (30 s when left out), then the client, the broker and the
   * store. What has not run stays in the store.
   */
  close(options?: { readonly deadlineMs?: number | undefined }): Promise<void>;
}

/**
 * Opens a store and serves it to this process: no server, no port. The jobs of a `sqlite:` file outlive the process, which is
 * then the only one that may have it open. Throws what `openStore` throws.
 */
export async function embedded(options: EmbeddedOptions): Promise<Embedded> {
  const { store: url, logger, retryFor, storeSchema, ...storeOptions } = options;
  const store = await openStore(url, storeOptions);
  return serveStore({ store, logger, client: { retryFor, storeSchema } });
}

/** The same for a store that is open already, and is closed with the rest. */
export async function serveStore(options: {
  readonly store: Store;
  readonly logger?: Logger | undefined;
  readonly client?: Omit<ConnectOptions, keyof Credentials>;
  readonly intervals?: Partial<BrokerIntervals>;
  readonly clock?: Clock;
  /** Where workers have the time of their handlers from. */
  readonly workerClock?: Clock;
}): Promise<Embedded> {
  const { store, client: clientOptions = {}, logger, intervals = {}, clock = systemClock } = options;
  const server = createInProcessServer();
  const broker = createBroker({ store, listen: server, intervals, clock, ...(logger && { logger }) });
  try {
    await broker.start();
  } catch (error) {
    await store.close();
    throw error;
  }
  const client = new Conveyor(server.connection, clientOptions);
  const workers = new Set<Worker>();
  let closing: Promise<void> | undefined;

  function close(deadlineMs?: number | undefined): Promise<void> {
    closing ??= closeAll(deadlineMs);
    return closing;
  }

  async function closeAll(deadlineMs: number | undefined): Promise<void> {
    try {
      await Promise.all([...workers].map((worker) => worker.stop({ deadlineMs })));
      await client.close();
    } finally {
      await broker.stop().finally(() => store.close());
    }
  }

  return {
    client,
    worker(workerOptions = {}) {
      if (closing !== undefined) throw new ConveyorError("CLOSED", "the application was closed; open it again");
      const worker = new Worker(server.connection, workerOptions, options.workerClock);
      workers.add(worker);
      return worker;
    },
    close: ({ deadlineMs } = {}) => close(deadlineMs),
    [Symbol.asyncDispose]: () => close(),
  };
}
