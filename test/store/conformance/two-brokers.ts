import assert from "node:assert/strict";
import type { CommitAnswer, CommitBatch } from "../../../src/store/commit.ts";
import type { Effects, UpkeepAnswer } from "../../../src/store/effects.ts";
import type { Store } from "../../../src/store/store.ts";
import type { Case } from "./case.ts";
import type { World } from "./world.ts";

/** Two handles on the same store. */
export type Stores = readonly [Store, Store];

/** Ids. */
export const many = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

export function commit(store: Store, batch: Partial<CommitBatch>): Promise<CommitAnswer> {
  return store.commit({ renew: [], settle: [], insert: [], claim: [], ...batch });
}

/** The work of both brokers at once. */
export async function both<T>(
  stores: Stores,
  work: (store: Store, index: number) => Promise<T>,
): Promise<readonly T[]> {
  return Promise.all(stores.map(work));
}

/** Repeats a step of upkeep on both at once until neither has more; what all answers told together. */
export async function upkeepOf(stores: Stores, step: (store: Store) => Promise<UpkeepAnswer>) {
  const told = { count: 0, ended: [] as string[], readied: 0, cancels: [] as Effects["cancels"][number][] };
  await both(stores, async (store) => {
    for (let rounds = 0; rounds < 1_000; rounds += 1) {
      const answer = await step(store);
      told.count += answer.count;
      told.readied += answer.effects.readied.length;
      told.ended.push(...answer.effects.ended.map((each) => each.id));
      told.cancels.push(...answer.effects.cancels);
      if (!answer.more) return;
    }
    throw new Error("upkeep has work for ever");
  });
  return told;
}

export function unique(ids: readonly string[], count: number): void {
  assert.equal(ids.length, count);
  assert.equal(new Set(ids).size, count);
}

export function brokers(name: string, run: (world: World, stores: Stores) => Promise<void>): Case {
  return {
    name: `two brokers / ${name}`,
    needs: ["second"],
    async run(world) {
      await run(world, [world.store, await world.second()]);
    },
  };
}
