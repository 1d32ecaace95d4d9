import type { ServerDuplexStream } from "@grpc/grpc-js";
import {
  type EnqueueHello,
  type EnqueueItems,
  type EnqueueStreamItem,
  type EnqueueStreamRequest,
  type EnqueueStreamResponse,
  JobService,
} from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError, isConveyorError } from "../../core/errors.ts";
import type { NewTree } from "../../core/job.ts";
import { limits } from "../../core/limits.ts";
import { originOf } from "../../wire/call-origin.ts";
import { toRpcStatus } from "../../wire/error-status.ts";
import { invalidField } from "../../wire/invalid-field.ts";
import { methodPath } from "../../wire/service-definition.ts";
import { type FrameStream, serveFrameStream } from "../../wire/stream.ts";
import type { ResultRoom } from "../sessions/result-room.ts";
import { insertBytes, insertJobs } from "../weights.ts";
import { attempt, insertTree, treeOf } from "./enqueue.ts";
import { createAckBox } from "./enqueue-acks.ts";
import type { Caller, ServiceContext } from "./service-context.ts";

/** One stream of a producer, see `serveEnqueueStream`. */
export interface EnqueueStream {
  /** Asks the producer to open another stream; what it has sent is still acknowledged here. */
  drain(): void;
  close(error: ConveyorError): void;
}

export interface EnqueueStreamOptions {
  readonly context: ServiceContext;
  /** The first frame must be here after this. */
  readonly helloMs: number;
  /** Shared by all streams of the broker. */
  readonly room: ResultRoom;
  readonly onClose: (stream: EnqueueStream) => void;
}

interface Waiting {
  readonly seq: bigint;
  readonly tree: NewTree;
  readonly bytes: number;
}

const protocolVersion = 1;
const capabilities: readonly string[] = [];
const capabilitiesMax = 64;
const unackedItemsMax = 4_000;
const unackedBytesMax = 8 * 1024 * 1024;
/** Given to the store at a time, so that what comes later in the stream is never inserted earlier, however many commits run. */
const jobsAtOnceMax = 500;
/** What an item takes beside its payloads, roughly. */
const overheadBytes = 1_024;
const method = JobService.method.enqueueStream;

/**
 * Serves a producer: awaiting Hello -> open -> no more to come (half-closed) -> closed, once all is acknowledged. It reads no
 * further while too much is unacknowledged, here or in all streams, or while its acknowledgements are not taken.
 */
export function serveEnqueueStream(
  call: ServerDuplexStream<Buffer, Buffer>,
  { context, helloMs, room, onClose }: EnqueueStreamOptions,
): EnqueueStream {
  const unacked = new Map<bigint, number>();
  let unackedBytes = 0;
  let waiting: Waiting[] = [];
  let caller: Pick<Caller, "principal" | "admit"> | undefined;
  let inserting = false;
  let complete = false;
  let draining = false;
  let unwatch = () => {};
  const stream: FrameStream<EnqueueStreamResponse> = serveFrameStream(
    call,
    method,
    { onFrame, onHalfClose, onClose: onEnd },
    context.onUnexpected,
  );
  const acks = createAckBox(stream, { onSent: regulate });
  const impatience = setTimeout(() => stream.close(outOfOrder(`no Hello arrived within ${helloMs} ms`)), helloMs);

  function onFrame({ frame }: EnqueueStreamRequest): void {
    if (caller === undefined) {
      if (frame.case !== "hello") throw outOfOrder(`${frame.case ?? "frame"}: the first frame is Hello`);
      greet(frame.value);
      return;
    }
    switch (frame.case) {
      case "hello":
        throw outOfOrder("hello: it has been said");
      case "items":
        take(frame.value, caller);
        return;
      case undefined: // of a kind that is newer than this broker
        return;
      default:
        frame satisfies never;
    }
  }

  function greet(hello: EnqueueHello): void {
    if (hello.protocolVersion !== protocolVersion) {
      const problem = `this broker speaks version ${protocolVersion}, got ${hello.protocolVersion}`;
      throw invalidField("FRAME_INVALID", "hello.protocol_version", problem);
    }
    if (hello.capabilities.length > capabilitiesMax) {
      throw invalidField("FRAME_INVALID", "hello.capabilities", `at most ${capabilitiesMax} are taken`);
    }
    clearTimeout(impatience);
    const origin = originOf(call);
    const principal = context.gate.authenticate(origin);
    const admit: Caller["admit"] = (about = {}) =>
      context.gate.admit({ principal, method: methodPath(method), ...about });
    unwatch = context.gate.watch(origin, principal, (error) => stream.close(error));
    caller = { principal, admit };
    const value = {
      $typeName: "conveyor.v1.EnqueueWelcome" as const,
      protocolVersion,
      capabilities: capabilities.filter((each) => hello.capabilities.includes(each)),
      maxPayloadBytes: BigInt(limits.payloadBytesMax),
      maxFrameBytes: BigInt(limits.frameBytesMax),
      maxUnackedItems: unackedItemsMax,
      maxUnackedBytes: BigInt(unackedBytesMax),
    };
    stream.send({ $typeName: "conveyor.v1.EnqueueStreamResponse", frame: { case: "welcome", value } });
  }

  function take({ items }: EnqueueItems, { principal, admit }: Pick<Caller, "principal" | "admit">): void {
    if (items.length > limits.batchItemsMax) {
      const problem = `at most ${limits.batchItemsMax} in one frame, got ${items.length}`;
      throw invalidField("FRAME_INVALID", "items.items", problem);
    }
    for (const [index, { clientSeq }] of items.entries()) {
      if (!unacked.has(clientSeq)) unacked.set(clientSeq, 0);
      else
        throw invalidField("FRAME_INVALID", `items.items[${index}].client_seq`, `${clientSeq} is on its way already`);
    }
    const source = context.sourceFor(principal);
    for (const [index, item] of items.entries()) {
      const path = `items.items[${index}].item.`;
      const tree = attempt(() => treeOf(item.item?.item ?? nothing, { source, caller: { admit }, path }));
      if (isConveyorError(tree)) refuse(item, tree);
      else accept(item, tree);
    }
    if (!inserting) void insertAll();
    regulate();
  }

  function refuse({ clientSeq }: EnqueueStreamItem, error: ConveyorError): void {
    unacked.delete(clientSeq);
    acks.add({ clientSeq, id: "", deduplicated: false, error: toRpcStatus(error) });
  }

  function accept({ clientSeq: seq }: EnqueueStreamItem, tree: NewTree): void {
    const bytes = insertBytes({ trees: [tree] }) + insertJobs({ trees: [tree] }) * overheadBytes;
    unacked.set(seq, bytes);
    unackedBytes += bytes;
    room.take(bytes);
    waiting.push({ seq, tree, bytes });
  }

  async function insertAll(): Promise<void> {
    inserting = true;
    while (waiting.length > 0) await Promise.all(takeSome().map(insert));
    inserting = false;
  }

  function takeSome(): readonly Waiting[] {
    let jobs = 0;
    let count = 0;
    for (const { tree } of waiting) {
      jobs += insertJobs({ trees: [tree] });
      if (count > 0 && jobs > jobsAtOnceMax) break;
      count += 1;
    }
    const some = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return some;
  }

  async function insert({ seq: clientSeq, tree, bytes }: Waiting): Promise<void> {
    try {
      acks.add({ clientSeq, ...(await insertTree(context, tree, "")), error: undefined });
    } catch (error) {
      if (!isConveyorError(error)) context.onUnexpected(error, methodPath(method));
      acks.add({ clientSeq, id: "", deduplicated: false, error: toRpcStatus(error) });
    }
    unacked.delete(clientSeq);
    unackedBytes -= bytes;
    room.free(bytes);
  }

  function regulate(): void {
    if (stream.closed) return;
    const full = unacked.size >= unackedItemsMax || unackedBytes >= unackedBytesMax;
    if (complete && unacked.size === 0 && acks.empty) stream.close();
    else if (!full && !room.full && stream.writable) stream.resume();
    else stream.pause();
    if (room.full) room.wait(regulate);
    if (!stream.writable) awaitDrain();
  }

  function awaitDrain(): void {
    if (draining) return;
    draining = true;
    void stream.drained().then(() => {
      draining = false;
      regulate();
    });
  }

  function onHalfClose(): void {
    complete = true;
    regulate();
  }

  function onEnd(): void {
    clearTimeout(impatience);
    unwatch();
    room.leave(regulate);
    // Whoever is gone sends what was not acknowledged again, on another stream.
    for (const { bytes } of waiting) room.free(bytes);
    waiting = [];
    onClose(self);
  }

  const self: EnqueueStream = {
    drain() {
      const value = { $typeName: "conveyor.v1.EnqueueDrain" as const };
      stream.send({ $typeName: "conveyor.v1.EnqueueStreamResponse", frame: { case: "drain", value } });
    },
    close: (error) => stream.close(error),
  };
  return self;
}

const nothing = { case: undefined };

function outOfOrder(message: string): ConveyorError {
  return new ConveyorError("FRAME_OUT_OF_ORDER", message);
}
