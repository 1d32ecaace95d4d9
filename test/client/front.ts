import { fromBinary } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import {
  EnqueueStreamRequestSchema,
  EnqueueStreamResponseSchema,
  JobService,
} from "../../gen/conveyor/v1/job_service_pb.ts";
import { openChannel } from "../../src/wire/channel.ts";
import { methodPath, sameBytes, serviceDefinition, toBuffer } from "../../src/wire/service-definition.ts";

/** Stands between a client and a broker: passes calls of JobService on, counts them, and loses answers on demand. */
export interface Front extends AsyncDisposable {
  readonly address: string;
  /** Calls by method, such as `EnqueueBatch`; streams by method, and the frames of a producer as `items`. */
  readonly counts: Map<string, number>;
  /** The next answers of a method are lost although the broker has done what was asked; of EnqueueStream, the next acknowledgements, with the stream. */
  loseAnswers(method: string, count: number): void;
}

type Duplex = grpc.ServerDuplexStream<Uint8Array, Uint8Array>;

export async function openFront(
  brokerAddress: string,
  options: {
    /** Methods that it has never heard of. */
    readonly without?: readonly string[];
  } = {},
): Promise<Front> {
  const stack = new AsyncDisposableStack();
  const client = openChannel(brokerAddress, { retries: false });
  stack.defer(() => client.close());
  const counts = new Map<string, number>();
  const losses = new Map<string, number>();
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  const loses = (method: string) => {
    const left = losses.get(method) ?? 0;
    if (left > 0) losses.set(method, left - 1);
    return left > 0;
  };
  const server = new grpc.Server();
  stack.defer(() => server.forceShutdown());
  const lost = { code: grpc.status.UNAVAILABLE, details: "the answer was lost" };

  function passOn(method: (typeof JobService.methods)[number]): grpc.handleUnaryCall<Uint8Array, Uint8Array> {
    return (call, callback) => {
      count(method.name);
      client.makeUnaryRequest(
        methodPath(method),
        toBuffer,
        sameBytes,
        call.request,
        call.metadata,
        (error: grpc.ServiceError | null, answer?: Buffer) => {
          if (loses(method.name)) callback(lost);
          else callback(error, answer);
        },
      );
    };
  }

  function passFrames(call: Duplex): void {
    const method = JobService.method.enqueueStream;
    count(method.name);
    const behind = client.makeBidiStreamRequest<Uint8Array, Buffer>(
      methodPath(method),
      toBuffer,
      sameBytes,
      call.metadata,
      {},
    );
    call.on("data", (bytes: Buffer) => {
      if (fromBinary(EnqueueStreamRequestSchema, bytes).frame.case === "items") count("items");
      behind.write(bytes);
    });
    call.on("end", () => behind.end());
    call.on("cancelled", () => behind.cancel());
    behind.on("data", (bytes: Buffer) => {
      const isAcks = fromBinary(EnqueueStreamResponseSchema, bytes).frame.case === "acks";
      if (!isAcks || !loses(method.name)) return void call.write(bytes);
      call.emit("error", lost);
      behind.cancel();
    });
    behind.on("end", () => call.end());
    behind.on("error", (error) => call.emit("error", error));
  }

  const handlers: grpc.UntypedServiceImplementation = {};
  for (const method of JobService.methods) {
    if (options.without?.includes(method.name)) continue;
    if (method.methodKind === "unary") handlers[method.localName] = passOn(method);
    if (method.methodKind === "bidi_streaming") handlers[method.localName] = passFrames;
  }
  server.addService(serviceDefinition(JobService), handlers);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  return {
    address: `127.0.0.1:${port}`,
    counts,
    loseAnswers: (method, count) => void losses.set(method, count),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
