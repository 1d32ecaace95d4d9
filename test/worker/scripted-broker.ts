import { create, type MessageInitShape } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import {
  DeliverySchema,
  WorkerService,
  type WorkRequest,
  type WorkResponse,
  WorkResponseSchema,
} from "../../gen/conveyor/v1/worker_service_pb.ts";
import { type Chore, ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import type { ConveyorError } from "../../src/core/errors.ts";
import { within } from "../../src/runtime/abort.ts";
import { type Deferred, deferred } from "../../src/runtime/deferred.ts";
import { packPayload } from "../../src/wire/job-payload.ts";
import { serviceDefinition } from "../../src/wire/service-definition.ts";
import { type FrameStream, serveFrameStream } from "../../src/wire/stream.ts";

type Frame = WorkRequest["frame"];
type FrameOf<Kind extends Frame["case"]> = Extract<Frame, { readonly case: Kind }>;
type Answer = Exclude<MessageInitShape<typeof WorkResponseSchema>["frame"], undefined>;

/** One stream of a worker, in the hands of a test. */
export interface ScriptedStream {
  /** The next frame of this kind that was not asked for yet; frames of other kinds are passed over. */
  next<Kind extends NonNullable<Frame["case"]>>(
    kind: Kind,
  ): Promise<Extract<FrameOf<Kind>, { value: unknown }>["value"]>;
  /** The kinds of all frames so far, in order. */
  readonly kinds: readonly string[];
  send(frame: Answer): void;
  /** One Deliveries frame of chores with these lease ids. */
  deliver(seq: bigint, leaseIds: readonly string[], chore?: Partial<Pick<Chore, "script">>): void;
  close(error?: ConveyorError): void;
  readonly closed: Promise<void>;
}

/** A WorkerService whose answers a test writes frame by frame. */
export interface ScriptedBroker extends AsyncDisposable {
  readonly address: string;
  /** The next stream that a worker opens. */
  stream(): Promise<ScriptedStream>;
}

export async function openScriptedBroker(): Promise<ScriptedBroker> {
  const opened: ScriptedStream[] = [];
  let waiting: Deferred<void> | undefined;
  const server = new grpc.Server();
  server.addService(serviceDefinition(WorkerService), {
    work(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
      opened.push(scriptedStream(call));
      waiting?.resolve();
    },
    listChildResults: (_: unknown, callback: grpc.sendUnaryData<Buffer>) =>
      callback({ code: grpc.status.UNIMPLEMENTED }),
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    address: `127.0.0.1:${port}`,
    async stream() {
      for (;;) {
        const next = opened.shift();
        if (next !== undefined) return next;
        waiting = deferred<void>();
        await soonOr(waiting.promise, "no stream was opened");
      }
    },
    async [Symbol.asyncDispose]() {
      server.forceShutdown();
    },
  };
}

/** Waits for what a broken worker would never do. */
export async function soonOr(promise: Promise<void>, problem: string): Promise<void> {
  if (!(await within(promise, 5_000))) throw new Error(problem);
}

function scriptedStream(call: grpc.ServerDuplexStream<Buffer, Buffer>): ScriptedStream {
  const frames: Frame[] = [];
  const kinds: string[] = [];
  const over = deferred<void>();
  let arrived = deferred<void>();
  const stream: FrameStream<WorkResponse> = serveFrameStream(
    call,
    WorkerService.method.work,
    {
      onFrame({ frame }) {
        frames.push(frame);
        kinds.push(frame.case ?? "");
        arrived.resolve();
      },
      onHalfClose: () => stream.close(),
      onClose: () => over.resolve(),
    },
    (error) => {
      throw error;
    },
  );
  const send = (frame: Answer) => void stream.send(create(WorkResponseSchema, { frame }));
  return {
    kinds,
    send,
    close: (error) => stream.close(error),
    closed: over.promise,
    async next(kind) {
      for (;;) {
        const index = frames.findIndex((frame) => frame.case === kind);
        if (index >= 0) return frames.splice(0, index + 1).at(-1)?.value as never; // found by its kind
        arrived = deferred<void>();
        await soonOr(arrived.promise, `no frame "${kind}" came; there were ${kinds.join(", ")}`);
      }
    },
    deliver(seq, leaseIds, chore = {}) {
      const deliveries = leaseIds.map((leaseId) =>
        create(DeliverySchema, {
          leaseId,
          jobId: `job-${leaseId}`,
          attempt: 1,
          payload: packPayload(ChoreSchema, { script: leaseId, ...chore }),
        }),
      );
      send({ case: "deliveries", value: { seq, deliveries } });
    },
  };
}
