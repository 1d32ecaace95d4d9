import type { DescMessage, DescMethodServerStreaming, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { decodeMessage, encodeMessage } from "./message-bytes.ts";
import { type ReceiveHandlers, receiveFrames } from "./receive-frames.ts";
import { type SendingStream, sendFrames } from "./send-frames.ts";
import { methodPath, sameBytes, toBuffer } from "./service-definition.ts";
import type { OpenOptions } from "./stream.ts";
import type { OnUnexpected } from "./unary-handler.ts";

/** A stream of answers, on the side that takes them. */
export interface AnswerStream {
  /** Stops and goes on reading; the broker feels it through flow control. */
  pause(): void;
  resume(): void;
  /** Cancels the call; `onClose` is called before this returns. */
  close(error: unknown): void;
}

/** Calls a method that answers with a stream; a broker that cannot be reached shows in `onClose`. */
export function openAnswerStream<I extends DescMessage, O extends DescMessage>(
  client: grpc.Client,
  method: DescMethodServerStreaming<I, O>,
  request: MessageInitShape<I>,
  handlers: ReceiveHandlers<MessageShape<O>>,
  options: OpenOptions = {},
): AnswerStream {
  const path = methodPath(method);
  const call = client.makeServerStreamRequest<Uint8Array, Buffer>(
    path,
    toBuffer,
    sameBytes,
    encodeMessage(method.input, request, `the request of ${path}`),
    options.metadata ?? new grpc.Metadata(),
    {},
  );
  const receiving = receiveFrames(call, {
    output: method.output,
    path,
    signal: options.signal,
    onFrame: (frame) => handlers.onFrame(frame),
    onClose: (error) => handlers.onClose(error),
  });
  return { pause: () => void call.pause(), resume: () => void call.resume(), close: receiving.fail };
}

/** Serves a method that answers with a stream: decodes the request and hands it on. What `onRequest` throws closes the stream. */
export function serveAnswerStream<I extends DescMessage, O extends DescMessage>(
  call: grpc.ServerWritableStream<Buffer, Buffer>,
  method: DescMethodServerStreaming<I, O>,
  handlers: {
    onRequest(request: MessageShape<I>, stream: SendingStream<MessageShape<O>>): void;
    /** Called once, whoever ended the stream. */
    onClose(): void;
  },
  onUnexpected: OnUnexpected,
): void {
  const stream = sendFrames(call, method, { onClose: () => handlers.onClose(), onUnexpected });
  try {
    handlers.onRequest(decodeMessage(method.input, call.request, `the request of ${methodPath(method)}`), stream);
  } catch (error) {
    stream.close(error);
  }
}
