import type { TestContext } from "node:test";
import type { BrokerOptions } from "../../src/broker/index.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { createMemoryData } from "../../src/store/memory/data.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import type { Store } from "../../src/store/store.ts";
import { startWorld, type World } from "./world.ts";

export interface TwoWorldsOptions extends Partial<BrokerOptions> {
  /** Changes each broker's handle on the store. */
  readonly wrap?: (store: Store, index: number) => Store;
}

/** Two brokers on one store, each with a handle of its own. */
export async function startTwoWorlds(
  t: TestContext,
  { wrap = (store) => store, ...options }: TwoWorldsOptions = {},
): Promise<readonly [World, World]> {
  const data = createMemoryData();
  const open = async (index: number) => {
    const store = await openMemoryStore({ defaults: serverDefaults, data });
    const world = await startWorld(t, { ...options, store: wrap(store, index) });
    t.after(() => store.close());
    return world;
  };
  return [await open(0), await open(1)];
}

/** A handle whose broker tells and hears nothing. */
export function withoutNews(store: Store): Store {
  return { ...store, announce: () => undefined, listen: () => () => undefined };
}
