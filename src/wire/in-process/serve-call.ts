import type { handleUnaryCall, MethodDefinition, UntypedHandleCall } from "@grpc/grpc-js";
import { type ServedCall, ServedStream, statusOf, statusOk } from "./served-stream.ts";

/** A method with what serves it. */
export interface ServedMethod {
  readonly definition: MethodDefinition<unknown, unknown>;
  readonly handler: UntypedHandleCall;
}

/** The server's end of a call. */
export interface ServerEnd {
  receive(message: Buffer): void;
  /** The client has no more to send. */
  halfClose(): void;
  cancel(): void;
}

/** Begins to serve a call: a stream of requests at once, a single request when it is there. */
export function serveCall(method: ServedMethod, call: ServedCall): ServerEnd {
  return method.definition.requestStream ? serveRequests(method, call) : serveRequest(method, call);
}

function serveRequests({ definition, handler }: ServedMethod, call: ServedCall): ServerEnd {
  const stream = new ServedStream(call);
  invoke(call, () => Reflect.apply(handler, undefined, [stream]));
  return {
    receive: (message) => void (stream.destroyed || stream.push(definition.requestDeserialize(message))),
    halfClose: () => void (stream.destroyed || stream.push(null)),
    cancel: () => stream.cancel(),
  };
}

function serveRequest({ definition, handler }: ServedMethod, call: ServedCall): ServerEnd {
  const respond: Parameters<handleUnaryCall<unknown, unknown>>[1] = (error, value) => {
    if (error) return call.finish(statusOf(error));
    call.send(value, () => undefined);
    call.finish(statusOk());
  };
  let request: Buffer | undefined;
  let stream: ServedStream | undefined;
  call.demand();
  return {
    receive(message) {
      request = message;
    },
    halfClose() {
      invoke(call, () => {
        stream = new ServedStream(call, definition.requestDeserialize(request ?? Buffer.alloc(0)));
        Reflect.apply(handler, undefined, definition.responseStream ? [stream] : [stream, respond]);
      });
    },
    cancel: () => stream?.cancel(),
  };
}

/** What a handler throws at once ends its call only. */
function invoke(call: ServedCall, handle: () => void): void {
  try {
    handle();
  } catch (error) {
    call.finish(statusOf(error));
  }
}
