import type * as grpc from "@grpc/grpc-js";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionV1alpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { type CallOrigin, originOf } from "../wire/call-origin.ts";
import { methodPath, serviceDefinition } from "../wire/service-definition.ts";
import { type FrameStream, serveFrameStream } from "../wire/stream.ts";
import type { OnUnexpected } from "../wire/unary-handler.ts";
import { answerReflection } from "./reflection-answer.ts";
import type { SchemaRegistry } from "./registry.ts";

export interface ReflectionOptions {
  readonly registry: SchemaRegistry;
  /** Full names of what the server serves beside reflection itself. */
  readonly services: readonly string[];
  readonly onUnexpected: OnUnexpected;
  /** Throws unless this caller may ask for types. */
  admit(caller: CallOrigin, method: string): void;
}

/** Adds the reflection service to a server, as v1 and as v1alpha, which have the same messages. */
export function addReflection(server: Pick<grpc.Server, "addService">, options: ReflectionOptions): void {
  const services = [...options.services, ServerReflection.typeName, ServerReflectionV1alpha.typeName].sort();
  const handlers = { serverReflectionInfo: reflect(options, services) };
  server.addService(serviceDefinition(ServerReflection), handlers);
  server.addService(serviceDefinition(ServerReflection, ServerReflectionV1alpha.typeName), handlers);
}

function reflect(
  options: ReflectionOptions,
  services: readonly string[],
): grpc.handleBidiStreamingCall<Buffer, Buffer> {
  const method = ServerReflection.method.serverReflectionInfo;
  return (call) => {
    const stream: FrameStream<ReturnType<typeof answerReflection>> = serveFrameStream(
      call,
      method,
      {
        onFrame(request) {
          if (stream.send(answerReflection(request, options.registry, services))) return;
          // One who asks and does not read gets no more answers until there is room.
          stream.pause();
          void stream.drained().then(() => stream.resume());
        },
        onClose: () => undefined,
      },
      options.onUnexpected,
    );
    try {
      options.admit(originOf(call), methodPath(method));
    } catch (error) {
      stream.close(error);
    }
  };
}
