import { createBatcher } from "../../runtime/batcher.ts";
import type { ProgressItem } from "../../store/stage.ts";
import type { Store } from "../../store/store.ts";

/** Brings progress to the store, of many leases together. */
export interface Reporter {
  /** Resolves when it is stored, or could not be: progress is told again soon, and nobody waits for it. */
  report(item: ProgressItem): Promise<void>;
}

const itemsPerCallMax = 500;
const bytesPerCallMax = 2 * 1024 * 1024;
const pendingMax = 20_000;
const pendingBytesMax = 32 * 1024 * 1024;

export function createReporter(store: Pick<Store, "report">): Reporter {
  const batcher = createBatcher<ProgressItem, undefined>({
    async run(items) {
      await store.report(items);
      return items.map(() => undefined);
    },
    itemsMax: itemsPerCallMax,
    bytesMax: bytesPerCallMax,
    pendingMax,
    pendingBytesMax,
    bytesOf: ({ bytes }) => bytes.length,
  });
  return { report: (item) => batcher.add(item).catch(() => undefined) };
}
