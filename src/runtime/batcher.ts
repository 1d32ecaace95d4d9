import { ConveyorError } from "../core/errors.ts";
import { type Deferred, deferred, turnOfEventLoop } from "./deferred.ts";

export interface BatcherOptions<Item, Answer> {
  /** Handles one batch; answers stand at the index of their item. When it throws, every item of the batch gets the error. */
  readonly run: (items: readonly Item[]) => Promise<readonly Answer[]>;
  /** Sum of `countOf` in one batch; a single item may exceed it. */
  readonly itemsMax: number;
  /** Sum of `bytesOf` in one batch; a single item may exceed it. */
  readonly bytesMax?: number;
  /** Sum of `countOf` of all that waits; an item beyond it is refused with SERVER_BUSY. */
  readonly pendingMax: number;
  /** The same for `bytesOf`. */
  readonly pendingBytesMax?: number;
  /** What an item counts for; 1 when left out. */
  readonly countOf?: (item: Item) => number;
  readonly bytesOf?: (item: Item) => number;
  /** Batches in flight at a time; 1 when left out. One more begins only while `itemsAmple` wait, so that little work stays together. */
  readonly flightsMax?: number | undefined;
  readonly itemsAmple?: number;
}

export interface Batcher<Item, Answer> {
  add(item: Item): Promise<Answer>;
  /** What waits for a batch. */
  readonly pending: { readonly count: number; readonly bytes: number };
  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void>;
}

interface Entry<Item, Answer> {
  readonly item: Item;
  readonly count: number;
  readonly bytes: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Natural batching: items gather while one batch is in flight, and go as soon as it returns. Without a batch in flight they
 * go at the end of the event loop's turn, so that all that arrived together shares one batch. No timer: idle adds no delay.
 */
export function createBatcher<Item, Answer>(options: BatcherOptions<Item, Answer>): Batcher<Item, Answer> {
  const { countOf = () => 1, bytesOf = () => 0, pendingMax } = options;
  const { bytesMax = Number.POSITIVE_INFINITY, pendingBytesMax = Number.POSITIVE_INFINITY } = options;
  const { flightsMax = 1, itemsAmple = options.itemsMax } = options;
  const pending = { count: 0, bytes: 0 };
  let queue: Entry<Item, Answer>[] = [];
  let flights = 0;
  let resting: Deferred<void> | undefined;

  function add(item: Item): Promise<Answer> {
    const count = countOf(item);
    const bytes = bytesOf(item);
    const over = pending.count + count > pendingMax || pending.bytes + bytes > pendingBytesMax;
    if (over && queue.length > 0) {
      return Promise.reject(
        new ConveyorError("SERVER_BUSY", `${pending.count} items are waiting already; try again a little later`, {
          details: { retryAfterMs: 1_000 },
        }),
      );
    }
    const { promise, resolve, reject } = deferred<Answer>();
    pending.count += count;
    pending.bytes += bytes;
    queue.push({ item, count, bytes, resolve, reject });
    if (flights === 0 || (flights < flightsMax && pending.count >= itemsAmple)) void fly();
    return promise;
  }

  async function fly(): Promise<void> {
    flights += 1;
    // A batch that was handled without a wait must not shut out what has arrived on sockets: one turn before each batch.
    await turnOfEventLoop();
    while (queue.length > 0 && (flights === 1 || pending.count >= itemsAmple)) {
      await flush(take());
      await turnOfEventLoop();
    }
    flights -= 1;
    if (flights > 0) return;
    resting?.resolve();
    resting = undefined;
  }

  function take(): readonly Entry<Item, Answer>[] {
    let count = 0;
    let bytes = 0;
    let length = 0;
    for (const entry of queue) {
      if (length > 0 && (count + entry.count > options.itemsMax || bytes + entry.bytes > bytesMax)) break;
      count += entry.count;
      bytes += entry.bytes;
      length += 1;
    }
    const batch = queue.slice(0, length);
    queue = queue.slice(length);
    pending.count -= count;
    pending.bytes -= bytes;
    return batch;
  }

  async function flush(batch: readonly Entry<Item, Answer>[]): Promise<void> {
    try {
      const answers = await options.run(batch.map((entry) => entry.item));
      if (answers.length !== batch.length) throw new Error(`${answers.length} answers to ${batch.length} items`);
      for (const [index, entry] of batch.entries()) entry.resolve(answers[index] as Answer); // lengths are equal
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    }
  }

  function idle(): Promise<void> {
    if (flights === 0) return Promise.resolve();
    resting ??= deferred<void>();
    return resting.promise;
  }

  return { add, pending, idle };
}
