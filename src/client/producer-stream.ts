import {
  type EnqueueAck,
  type EnqueueItem,
  type EnqueueResult,
  type EnqueueStreamRequest,
  type EnqueueStreamResponse,
  JobService,
} from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { type Deferred, deferred } from "../runtime/deferred.ts";
import type { Place } from "../wire/channels.ts";
import { toRpcStatus } from "../wire/error-status.ts";
import { openFrameStream } from "../wire/stream.ts";

/** Something to enqueue, and about how many bytes it takes. */
export interface Outgoing {
  readonly item: EnqueueItem;
  readonly bytes: number;
}

/** One EnqueueStream: open -> retired (what was given to it is sent and acknowledged, nothing new is taken) -> closed. */
export interface ProducerStream {
  /**
   * Sends those items whose result is missing, in their order, and puts their results in as they come. Resolves when none is
   * missing; rejects when the stream has ended before, and then those that are still missing may be sent again elsewhere.
   */
  send(items: readonly Outgoing[], results: (EnqueueResult | undefined)[]): Promise<void>;
  /** It takes no more: open another one. */
  readonly retired: boolean;
  retire(): void;
  close(error: ConveyorError): void;
}

interface Batch extends Deferred<void> {
  readonly results: (EnqueueResult | undefined)[];
  left: number;
}

interface Entry extends Outgoing {
  readonly batch: Batch;
  readonly index: number;
}

const frameBytesSoft = 256 * 1024;
/** Until the broker has said its own bounds. */
const firstItemsMax = 1_000;
const firstBytesMax = 4 * 1024 * 1024;
/** A broker that acknowledges nothing for so long is given up. */
const stallMs = 30_000;
/** A stream without work is closed after this: it would keep a process alive that has nothing left to do. */
const idleMs = 1_000;
const protocolVersion = 1;

export function openProducerStream(place: Place): ProducerStream {
  const window = { items: firstItemsMax, bytes: firstBytesMax };
  const unacked = new Map<bigint, Entry>();
  let unackedBytes = 0;
  const queue: Entry[] = [];
  let seq = 0n;
  let retired = false;
  let waitsForRoom = false;
  let stall: NodeJS.Timeout | undefined;
  let idle: NodeJS.Timeout | undefined;
  const stream = openFrameStream(place.client, JobService.method.enqueueStream, { onFrame, onClose });
  sendFrame({ case: "hello", value: { $typeName: "conveyor.v1.EnqueueHello", protocolVersion, capabilities: [] } });

  function sendFrame(frame: EnqueueStreamRequest["frame"]): void {
    stream.send({ $typeName: "conveyor.v1.EnqueueStreamRequest", frame });
  }

  function onFrame({ frame }: EnqueueStreamResponse): void {
    switch (frame.case) {
      case "welcome":
        window.items = frame.value.maxUnackedItems || firstItemsMax;
        window.bytes = Number(frame.value.maxUnackedBytes) || firstBytesMax;
        pump();
        return;
      case "acks":
        clearTimers();
        for (const ack of frame.value.acks) settle(ack);
        pump();
        return;
      case "drain":
        place.failed(draining());
        retire();
        return;
      case undefined: // of a kind that is newer than this client
        return;
      default:
        frame satisfies never;
    }
  }

  function settle({ clientSeq, id, deduplicated, error }: EnqueueAck): void {
    const entry = unacked.get(clientSeq);
    if (entry === undefined) return;
    unacked.delete(clientSeq);
    unackedBytes -= entry.bytes;
    put(entry, { $typeName: "conveyor.v1.EnqueueResult", id, deduplicated, ...(error && { error }) });
  }

  function put({ batch, index }: Entry, result: EnqueueResult): void {
    batch.results[index] = result;
    batch.left -= 1;
    if (batch.left === 0) batch.resolve();
  }

  function pump(): void {
    while (queue.length > 0 && stream.writable) {
      const some = takeFrame();
      if (some.length === 0) break;
      sendItems(some);
    }
    if (queue.length > 0 && !stream.writable && !waitsForRoom) void awaitRoom();
    if (unacked.size > 0) stall ??= setTimeout(giveUp, stallMs);
    else if (retired && queue.length === 0) leave();
    else idle ??= setTimeout(retire, idleMs);
  }

  async function awaitRoom(): Promise<void> {
    waitsForRoom = true;
    await stream.drained();
    waitsForRoom = false;
    if (!stream.closed) pump();
  }

  /** As much as goes into a frame and into the window; in bytes a single item may exceed both. */
  function takeFrame(): readonly Entry[] {
    const countMax = Math.min(limits.batchItemsMax, window.items - unacked.size);
    let count = 0;
    let bytes = 0;
    for (const entry of queue) {
      bytes += entry.bytes;
      const tooLarge = count > 0 && bytes > frameBytesSoft;
      const tooMuch = count + unacked.size > 0 && unackedBytes + bytes > window.bytes;
      if (count >= countMax || tooLarge || tooMuch) break;
      count += 1;
    }
    return queue.splice(0, count);
  }

  function sendItems(entries: readonly Entry[]): void {
    const items = entries.map((entry) => {
      seq += 1n;
      unacked.set(seq, entry);
      unackedBytes += entry.bytes;
      return { $typeName: "conveyor.v1.EnqueueStreamItem" as const, clientSeq: seq, item: entry.item };
    });
    try {
      sendFrame({ case: "items", value: { $typeName: "conveyor.v1.EnqueueItems", items } });
    } catch (error) {
      // Sizes are estimated: an item that is larger than a frame shows here, and only alone in its frame.
      const status = toRpcStatus(error);
      for (const { clientSeq } of items) {
        settle({ $typeName: "conveyor.v1.EnqueueAck", clientSeq, id: "", deduplicated: false, error: status });
      }
    }
  }

  function giveUp(): void {
    stream.close(new ConveyorError("TIMED_OUT", `the broker acknowledged nothing for ${stallMs / 1_000} s`));
  }

  function retire(): void {
    retired = true;
    pump();
  }

  function leave(): void {
    clearTimers();
    stream.close();
  }

  function clearTimers(): void {
    clearTimeout(stall);
    clearTimeout(idle);
    stall = undefined;
    idle = undefined;
  }

  function onClose(error: ConveyorError | undefined): void {
    clearTimers();
    retired = true;
    const why = error ?? new ConveyorError("BROKER_UNREACHABLE", "the broker ended the stream");
    if (error !== undefined) place.failed(error);
    for (const { batch } of [...unacked.values(), ...queue]) batch.reject(why); // nothing happens to those that were resolved
    unacked.clear();
    queue.length = 0;
  }

  return {
    send(items, results) {
      if (retired) return Promise.reject(draining());
      const batch: Batch = { results, left: 0, ...deferred<void>() };
      for (const [index, outgoing] of items.entries()) {
        if (results[index] !== undefined) continue;
        batch.left += 1;
        queue.push({ ...outgoing, batch, index });
      }
      if (batch.left === 0) batch.resolve();
      clearTimeout(idle);
      idle = undefined;
      pump();
      return batch.promise;
    },
    get retired() {
      return retired;
    },
    retire,
    close: (error) => stream.close(error),
  };
}

function draining(): ConveyorError {
  return new ConveyorError("DRAINING", "this stream takes no more; another one does");
}
