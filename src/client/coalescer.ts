import type { EnqueueItem, EnqueueResult } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { sleep, unlessAborted } from "../runtime/abort.ts";
import { type Deferred, deferred } from "../runtime/deferred.ts";
import { isPassing, retryWaitMs } from "../runtime/retry.ts";
import { fromRpcStatus } from "../wire/error-status.ts";
import { abortedBy } from "./calls.ts";
import type { Outgoing } from "./producer-stream.ts";

/** Puts items that are enqueued at the same time into one request; each must have an id or a request id, since it may be sent again. */
export interface Coalescer {
  /**
   * Resolves with what became of the item; rejects with SERVER_BUSY when too much waits already, and with what the request failed of.
   * An item that was refused alone, for something that passes, is sent again while `retryMs` lasts: its neighbours decide nothing.
   */
  add(
    item: EnqueueItem,
    options: { readonly bytes: number; readonly signal?: AbortSignal | undefined },
  ): Promise<EnqueueResult>;
  /** Takes no more. */
  end(error: ConveyorError): void;
  /** Resolves when every item is settled. */
  idle(): Promise<void>;
  /** Takes no more, and rejects all that waits. */
  close(error: ConveyorError): void;
}

interface Waiting extends Outgoing, Deferred<EnqueueResult> {
  /** When it was sent first, on `performance.now`. */
  sentAt: number | undefined;
  refusals: number;
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
export function createCoalescer(
  send: (items: readonly Outgoing[]) => Promise<readonly EnqueueResult[]>,
  options: { readonly retryMs: number; readonly random: () => number },
): Coalescer {
  const closing = new AbortController();
  /** Refused for something that passes: they keep their room, and go before all others when their pause is over. */
  const resting = new Set<Waiting>();
  let restingBytes = 0;
  let waiting: Waiting[] = [];
  let waitingBytes = 0;
  let inFlight = 0;
  let scheduled = false;
  let closed: ConveyorError | undefined;
  let idle: Deferred<void> | undefined;

  async function add(
    item: EnqueueItem,
    { bytes, signal }: { readonly bytes: number; readonly signal?: AbortSignal | undefined },
  ): Promise<EnqueueResult> {
    if (closed !== undefined) throw closed;
    if (signal?.aborted) throw abortedBy(signal, "enqueue");
    if (bytes > bytesMax) throw tooLarge(bytes);
    const count = waiting.length + resting.size;
    if (count >= waitingMax || (count > 0 && waitingBytes + restingBytes + bytes > waitingBytesMax)) throw busy();
    const entry: Waiting = { item, bytes, sentAt: undefined, refusals: 0, ...deferred<EnqueueResult>() };
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
      settleIdle();
      throw abortedBy(signal, "enqueue");
    }
  }

  function remove(entry: Waiting): void {
    if (wake(entry)) return;
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
    const now = performance.now();
    for (const entry of taken) {
      waitingBytes -= entry.bytes;
      entry.sentAt ??= now;
    }
    return taken;
  }

  async function flush(batch: readonly Waiting[]): Promise<void> {
    inFlight += 1;
    try {
      const results = await send(batch);
      const again = new Map<Waiting, number>();
      for (const [index, entry] of batch.entries()) {
        const result = results[index];
        if (result === undefined)
          throw new ConveyorError("INTERNAL", "the broker answered fewer items than it was sent");
        const pauseMs = pauseMsAfter(entry, result);
        if (pauseMs === undefined) entry.resolve(result);
        else again.set(entry, pauseMs);
      }
      if (again.size > 0) void rest([...again.keys()], Math.max(...again.values()));
    } catch (error) {
      for (const entry of batch) entry.reject(error); // nothing happens to those that were resolved
    } finally {
      inFlight -= 1;
      pump();
      settleIdle();
    }
  }

  /** Undefined: the item is settled, or there is no time for another try. */
  function pauseMsAfter(entry: Waiting, { error: status }: EnqueueResult): number | undefined {
    const error = status && fromRpcStatus(status);
    if (!isPassing(error)) return undefined;
    const pauseMs = retryWaitMs(error, entry.refusals, options.random);
    const spentMs = performance.now() - (entry.sentAt ?? 0);
    return spentMs + pauseMs > options.retryMs ? undefined : pauseMs;
  }

  async function rest(batch: readonly Waiting[], pauseMs: number): Promise<void> {
    for (const entry of batch) {
      entry.refusals += 1;
      resting.add(entry);
      restingBytes += entry.bytes;
    }
    await sleep(pauseMs, closing.signal).catch(() => undefined);
    const rested = batch.filter(wake);
    waiting = [...rested, ...waiting];
    for (const entry of rested) waitingBytes += entry.bytes;
    pump();
  }

  /** False: it left meanwhile. */
  function wake(entry: Waiting): boolean {
    if (!resting.delete(entry)) return false;
    restingBytes -= entry.bytes;
    return true;
  }

  function settleIdle(): void {
    if (waiting.length + resting.size + inFlight > 0) return;
    idle?.resolve();
    idle = undefined;
  }

  return {
    add,
    end(error) {
      closed ??= error;
    },
    async idle() {
      if (waiting.length + resting.size + inFlight === 0) return;
      idle ??= deferred<void>();
      await idle.promise;
    },
    close(error) {
      closed = error;
      for (const entry of [...waiting, ...resting]) entry.reject(error);
      waiting = [];
      waitingBytes = 0;
      resting.clear();
      restingBytes = 0;
      closing.abort(error);
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
