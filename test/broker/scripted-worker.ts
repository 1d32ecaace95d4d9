import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";
import {
  type Delivery,
  type HeldLeaseSchema,
  type ResultAck,
  type ResultSchema,
  type Welcome,
  WorkerService,
  type WorkRequest,
  WorkRequestSchema,
  type WorkResponse,
} from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { ConveyorError } from "../../src/core/errors.ts";
import { type FrameStream, openFrameStream } from "../../src/wire/stream.ts";

type Said = Exclude<WorkResponse["frame"], { case: undefined }>;
type Case = Said["case"];
type ValueOf<C extends Case> = Extract<Said, { case: C }>["value"];

/** One stream of Work, driven by hand: it sends what it is told and keeps what it gets. */
export interface ScriptedWorker {
  readonly stream: FrameStream<WorkRequest>;
  send(frame: NonNullable<MessageInitShape<typeof WorkRequestSchema>["frame"]>): void;
  result(result: MessageInitShape<typeof ResultSchema>): void;
  capacity(maxInFlight: number, seq?: number): void;
  heartbeat(report: {
    readonly receivedThrough?: number;
    readonly held?: readonly string[];
    readonly buffered?: readonly string[];
  }): void;
  /** The next frame of this kind that was not taken yet. */
  next<C extends Case>(kind: C): Promise<ValueOf<C>>;
  /** Kinds of all frames, in the order in which they came. */
  readonly kinds: readonly string[];
  /** Frames of this kind that came and were not taken. */
  waiting<C extends Case>(kind: C): readonly ValueOf<C>[];
  /** The same, and they count as taken. */
  take<C extends Case>(kind: C): readonly ValueOf<C>[];
  /** The next `count` deliveries, over as many frames as they take. */
  deliveries(count: number): Promise<readonly Delivery[]>;
  acks(count: number): Promise<readonly ResultAck[]>;
  /** How the stream ended: undefined for OK. */
  readonly ended: Promise<ConveyorError | undefined>;
}

const patienceMs = 15_000;

export interface HelloInit {
  readonly protocolVersion?: number;
  readonly worker?: string;
  readonly subscriptions?: { queue: string; types: string[]; maxInFlight?: number }[];
  readonly capacity?: { seq: bigint; maxInFlight: number; maxBytes?: bigint };
  readonly resume?: { sessionId: string; held: MessageInitShape<typeof HeldLeaseSchema>[] };
}

export function openWorker(client: Client): ScriptedWorker {
  const kept = new Map<Case, unknown[]>();
  const kinds: string[] = [];
  const wakes = new Set<() => void>();
  let end: (error: ConveyorError | undefined) => void = () => undefined;
  let over = false;
  const ended = new Promise<ConveyorError | undefined>((resolve) => {
    end = resolve;
  });
  const stream = openFrameStream(client, WorkerService.method.work, {
    onFrame({ frame }) {
      if (frame.case === undefined) return;
      kinds.push(frame.case);
      kept.set(frame.case, [...(kept.get(frame.case) ?? []), frame.value]);
      for (const wake of [...wakes]) wake();
    },
    onClose(error) {
      over = true;
      end(error);
      for (const wake of [...wakes]) wake();
    },
  });

  async function until<T>(what: string, look: () => T | undefined): Promise<T> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (over) throw new Error(`the stream ended while waiting for ${what}: ${await ended}`);
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`no ${what} within ${patienceMs} ms`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          wakes.delete(wake);
          resolve();
        };
        const timer = setTimeout(wake, left);
        wakes.add(wake);
      });
    }
  }

  async function gather<C extends Case, Item>(kind: C, count: number, items: (value: ValueOf<C>) => readonly Item[]) {
    const all: Item[] = [];
    while (all.length < count) all.push(...items(await next(kind)));
    return all;
  }

  // The map holds under each kind what came under it.
  const waiting = <C extends Case>(kind: C) => (kept.get(kind) ?? []) as ValueOf<C>[];
  const next = <C extends Case>(kind: C) => until(kind, () => waiting(kind).shift());
  const send: ScriptedWorker["send"] = (frame) => void stream.send(create(WorkRequestSchema, { frame }));
  let seq = 1;
  let beats = 0n;

  return {
    stream,
    send,
    result: (result) => send({ case: "results", value: { results: [result] } }),
    capacity(maxInFlight, given) {
      seq = given ?? seq + 1;
      send({ case: "capacity", value: { seq: BigInt(seq), maxInFlight } });
    },
    heartbeat({ receivedThrough = 0, held = [], buffered = [] }) {
      beats += 1n;
      const value = {
        seq: beats,
        receivedThrough: BigInt(receivedThrough),
        heldLeaseIds: [...held],
        bufferedLeaseIds: [...buffered],
      };
      send({ case: "heartbeat", value });
    },
    next,
    kinds,
    waiting,
    take: (kind) => waiting(kind).splice(0),
    deliveries: (count) => gather("deliveries", count, (value) => value.deliveries),
    acks: (count) => gather("resultAcks", count, (value) => value.acks),
    ended,
  };
}

/** Opens a stream, says hello and takes the Welcome. */
export async function greet(client: Client, hello: HelloInit): Promise<ScriptedWorker & { readonly welcome: Welcome }> {
  const worker = openWorker(client);
  worker.send({
    case: "hello",
    value: { protocolVersion: 1, worker: "scripted", instanceId: "test", concurrency: 1, ...hello },
  });
  return { ...worker, welcome: await worker.next("welcome") };
}
