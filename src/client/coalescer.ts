import type { EnqueueItem, EnqueueResult } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { unlessAborted } from "../runtime/abort.ts";
import { type Deferred, deferred } from "../runtime/deferred.ts";
import { abortedBy } from "./calls.ts";

/** Puts items that are enqueued at the same time into one request. */
export interface Coalescer {
  /** Resolves with what became of the item; rejects with SERVER_BUSY when too much waits already, and with what the request failed of. */
  add(
    item: EnqueueItem,
    options: { readonly bytes: number; readonly signal?: AbortSignal | undefined },
  ): Promise<EnqueueResult>;
  /** Rejects all that waits. */
  close(error: ConveyorError): void;
}

interface Waiting extends Deferred<EnqueueResult> {
  readonly item: EnqueueItem;
  readonly bytes: number;
}

const waitingMax = 20_000;
const waitingBytesMax = 64 * 1024 * 1024;
const inFlightMax = 4;
/** A further request is opened beside one in flight only for so much. */
const ampleItems = 250;
const ampleBytes = 1024 * 1024;
/** Sizes are estimated; the limit itself is the broker's. */
const bytesMax = limits.batchBytesMax - 256 * 1024;

/**
 * Natural batching: the first item goes at the end of the event loop's turn, with all that came with it; what comes while a
 * request is in flight gathers for the next. No timer: a single caller waits for nobody.
 */
export function createCoalescer(send: (items: EnqueueItem[]) => Promise<readonly EnqueueResult[]>): Coalescer {
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let inFlight = 0;
  let scheduled = false;
  let closed: ConveyorError | undefined;

  async function add(
    item: EnqueueItem,
    { bytes, signal }: { readonly bytes: number; readonly signal?: AbortSignal | undefined },
  ): Promise<EnqueueResult> {
    if (closed !== undefined) throw closed;
    if (signal?.aborted) throw abortedBy(signal, "enqueue");
    if (bytes > bytesMax) throw tooLarge(bytes);
    if (waiting.length >= waitingMax || (waiting.length > 0 && waitingBytes + bytes > waitingBytesMax)) throw busy();
    const entry: Waiting = { item, bytes, ...deferred<EnqueueResult>() };
    waiting.push(entry);
    waitingBytes += bytes;
    schedule();
    return signal === undefined ? entry.promise : await withSignal(entry, signal);
  }

  async function withSignal(entry: Waiting, signal: AbortSignal): Promise<EnqueueResult> {
    try {
      return await unlessAborted(entry.promise, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      remove(entry);
      throw abortedBy(signal, "enqueue");
    }
  }

  function remove(entry: Waiting): void {
    const index = waiting.indexOf(entry);
    if (index < 0) return;
    waiting.splice(index, 1);
    waitingBytes -= entry.bytes;
  }

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(pump);
  }

  function pump(): void {
    scheduled = false;
    while (waiting.length > 0 && inFlight < inFlightMax && (inFlight === 0 || isAmple())) void flush(take());
  }

  function isAmple(): boolean {
    return waiting.length >= ampleItems || waitingBytes >= ampleBytes;
  }

  function take(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const entry of waiting) {
      bytes += entry.bytes;
      if (count > 0 && (bytes > bytesMax || count >= limits.batchItemsMax)) break;
      count += 1;
    }
    const taken = waiting.slice(0, count);
    waiting = waiting.slice(count);
    for (const entry of taken) waitingBytes -= entry.bytes;
    return taken;
  }

  async function flush(batch: readonly Waiting[]): Promise<void> {
    inFlight += 1;
    try {
      const results = await send(batch.map((entry) => entry.item));
      for (const [index, entry] of batch.entries()) {
        const result = results[index];
        if (result === undefined)
          throw new ConveyorError("INTERNAL", "the broker answered fewer items than it was sent");
        entry.resolve(result);
      }
    } catch (error) {
      for (const entry of batch) entry.reject(error); // nothing happens to those that were resolved
    } finally {
      inFlight -= 1;
      pump();
    }
  }

  return {
    add,
    close(error) {
      closed = error;
      for (const entry of waiting) entry.reject(error);
      waiting = [];
      waitingBytes = 0;
    },
  };
}

function tooLarge(bytes: number): ConveyorError {
  return new ConveyorError(
    "BATCH_TOO_LARGE",
    `one item takes at most ${bytesMax} bytes, this one about ${bytes}; let handlers declare a part of the tree`,
  );
}

function busy(): ConveyorError {
  return new ConveyorError(
    "SERVER_BUSY",
    `${waitingMax} jobs or ${waitingBytesMax} bytes wait in this client already; await what was enqueued before enqueueing more`,
    { details: { retryAfterMs: 1_000 } },
  );
}
