import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";
import {
  type EnqueueAck,
  type EnqueueStreamItemSchema,
  type EnqueueStreamRequest,
  EnqueueStreamRequestSchema,
  type EnqueueStreamResponse,
  JobService,
} from "../../gen/conveyor/v1/job_service_pb.ts";
import type { ConveyorError } from "../../src/core/errors.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { type FrameStream, openFrameStream } from "../../src/wire/stream.ts";
import { chore } from "./world.ts";

type Frame = NonNullable<MessageInitShape<typeof EnqueueStreamRequestSchema>["frame"]>;
type Item = MessageInitShape<typeof EnqueueStreamItemSchema>;

/** One EnqueueStream, driven by hand. */
export interface ScriptedProducer {
  readonly stream: FrameStream<EnqueueStreamRequest>;
  hello(): void;
  /** False: the transport is full. */
  send(frame: Frame): boolean;
  items(items: readonly Item[]): boolean;
  /** The next frame. */
  next(): Promise<EnqueueStreamResponse["frame"]>;
  /** The next `count` acknowledgements, over as many frames as they take. */
  acks(count: number): Promise<readonly EnqueueAck[]>;
  /** How the stream ended: undefined for OK. */
  readonly ended: Promise<ConveyorError | undefined>;
}

export function openProducer(client: Client): ScriptedProducer {
  const frames: EnqueueStreamResponse["frame"][] = [];
  const end = deferred<ConveyorError | undefined>();
  let over = false;
  let wake = deferred<void>();
  const stir = () => {
    wake.resolve();
    wake = deferred<void>();
  };
  const stream = openFrameStream(client, JobService.method.enqueueStream, {
    onFrame({ frame }) {
      frames.push(frame);
      stir();
    },
    onClose(error) {
      over = true;
      end.resolve(error);
      stir();
    },
  });
  const send = (frame: Frame) => stream.send(create(EnqueueStreamRequestSchema, { frame }));

  async function next(): Promise<EnqueueStreamResponse["frame"]> {
    for (;;) {
      const frame = frames.shift();
      if (frame !== undefined) return frame;
      if (over) throw new Error(`the stream has ended: ${await end.promise}`);
      await wake.promise;
    }
  }

  return {
    stream,
    hello: () => void send({ case: "hello", value: { protocolVersion: 1 } }),
    send,
    items: (items) => send({ case: "items", value: { items: [...items] } }),
    next,
    async acks(count) {
      const acks: EnqueueAck[] = [];
      while (acks.length < count) {
        const frame = await next();
        if (frame.case === "acks") acks.push(...frame.value.acks);
      }
      return acks;
    },
    ended: end.promise,
  };
}

/** Chores with these numbers, in their order. */
export function choreItems(first: number, count: number, ballastBytes = 0): Item[] {
  return Array.from({ length: count }, (_, index) => ({
    clientSeq: BigInt(first + index),
    item: { item: { case: "job" as const, value: chore(String(first + index).padEnd(ballastBytes)) } },
  }));
}
