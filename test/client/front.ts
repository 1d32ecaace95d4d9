import * as grpc from "@grpc/grpc-js";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { openChannel } from "../../src/wire/channel.ts";
import { methodPath, sameBytes, serviceDefinition, toBuffer } from "../../src/wire/service-definition.ts";

/** Stands between a client and a broker: passes calls of JobService on, counts them, and loses answers on demand. */
export interface Front extends AsyncDisposable {
  readonly address: string;
  /** Calls by method, such as `EnqueueBatch`. */
  readonly counts: Map<string, number>;
  /** The next answers of a method are lost although the broker has done what was asked. */
  loseAnswers(method: string, count: number): void;
}

export async function openFront(brokerAddress: string): Promise<Front> {
  const stack = new AsyncDisposableStack();
  const client = openChannel(brokerAddress, { retries: false });
  stack.defer(() => client.close());
  const counts = new Map<string, number>();
  const losses = new Map<string, number>();
  const server = new grpc.Server();
  stack.defer(() => server.forceShutdown());
  const handlers: Record<string, grpc.handleUnaryCall<Uint8Array, Uint8Array>> = {};
  for (const method of JobService.methods) {
    handlers[method.localName] = (call, callback) => {
      counts.set(method.name, (counts.get(method.name) ?? 0) + 1);
      client.makeUnaryRequest(
        methodPath(method),
        toBuffer,
        sameBytes,
        call.request,
        call.metadata,
        (error: grpc.ServiceError | null, answer?: Buffer) => {
          const left = losses.get(method.name) ?? 0;
          if (left === 0) return callback(error, answer);
          losses.set(method.name, left - 1);
          callback({ code: grpc.status.UNAVAILABLE, details: "the answer was lost" });
        },
      );
    };
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
