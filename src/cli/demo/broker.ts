import { createBroker } from "../../broker/index.ts";
import { openStore } from "../../embedded/open-store.ts";

interface DemoBroker extends AsyncDisposable {
  readonly address: string;
}

/** A broker in this process on a free port of this machine; its jobs are in memory, so that nothing is left of them. */
export async function startDemoBroker(): Promise<DemoBroker> {
  const store = await openStore(":memory:");
  const broker = createBroker({ store, listen: "127.0.0.1:0" });
  const stop = async () => {
    await broker.stop();
    await store.close();
  };
  try {
    await broker.start();
  } catch (error) {
    await store.close();
    throw error;
  }
  return { address: broker.address, [Symbol.asyncDispose]: stop };
}
