import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Broker, BrokerIntervals } from "../../src/broker/index.ts";
import { createBroker } from "../../src/broker/index.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { openStore } from "../../src/embedded/open-store.ts";
import type { Store } from "../../src/store/store.ts";

/** A broker over a SQLite file of its own, in this process. */
export interface World extends AsyncDisposable {
  readonly broker: Broker;
  readonly store: Store;
  readonly address: string;
}

export async function startWorld(intervals: Partial<BrokerIntervals> = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "conveyor-e2e-"));
  const store = await openStore(`sqlite:${join(folder, "jobs.db")}`, { defaults: serverDefaults });
  const broker = createBroker({ store, listen: "127.0.0.1:0", intervals });
  await broker.start();
  return {
    broker,
    store,
    address: broker.address,
    async [Symbol.asyncDispose]() {
      await broker.stop();
      await store.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
