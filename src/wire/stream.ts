import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { decodeMessage, encodeMessage } from "./message-bytes.ts";
import { type ReceiveHandlers, receiveFrames } from "./receive-frames.ts";
import { type SendingStream, sendFrames } from "./send-frames.ts";
import { methodPath, sameBytes, toBuffer } from "./service-definition.ts";
import { drainOf } from "./stream-state.ts";
import type { OnUnexpected } from "./unary-handler.ts";

/**
 * One end of a bidirectional stream of frames. Open until its one close: by `close`, by the peer, or by a broken transport.
 * After it nothing is sent, no frame arrives, and `onClose` has been called once.
 */
export interface FrameStream<Out> extends SendingStream<Out> {
  /** Stops and goes on reading; the peer feels it through flow control. */
  pause(): void;
  resume(): void;
}

export interface FrameHandlers<In> extends ReceiveHandlers<In> {
  /** A server's: the client has no more to send. Without it the stream is then closed. */
  onHalfClose?: (() => void) | undefined;
}

export interface OpenOptions {
  readonly metadata?: grpc.Metadata | undefined;
  /** Closes the stream with ABORTED. */
  readonly signal?: AbortSignal | undefined;
}

/** Opens a stream to a broker; a broker that cannot be reached shows in `onClose`. */
export function openFrameStream<I extends DescMessage, O extends DescMessage>(
  client: grpc.Client,
  method: DescMethodBiDiStreaming<I, O>,
  handlers: FrameHandlers<MessageShape<O>>,
  options: OpenOptions = {},
): FrameStream<MessageShape<I>> {
  const path = methodPath(method);
  const call = client.makeBidiStreamRequest<Uint8Array, Buffer>(
    path,
    toBuffer,
    sameBytes,
    options.metadata ?? new grpc.Metadata(),
    {},
  );
  const drain = drainOf(call);
  let tellClosed = (): void => undefined;
  const closed = new Promise<void>((resolve) => {
    tellClosed = resolve;
  });
  let halfClosed = false;
  const receiving = receiveFrames(call, {
    output: method.output,
    path,
    signal: options.signal,
    onFrame: (frame) => handlers.onFrame(frame),
    onClose(error) {
      drain.release();
      tellClosed();
      handlers.onClose(error);
    },
  });

  return {
    send(frame) {
      if (receiving.over || halfClosed) return false;
      return drain.after(call.write(encodeMessage(method.input, frame, `a frame of ${path}`)));
    },
    get writable() {
      return !receiving.over && !halfClosed && drain.open;
    },
    get closed() {
      return receiving.over;
    },
    // After a half-close there is never room again, and who asks anew whenever there is would ask for ever.
    drained: () => (halfClosed ? closed : drain.wait()),
    pause: () => void call.pause(),
    resume: () => void call.resume(),
    close(error) {
      if (receiving.over) return;
      if (error !== undefined) return receiving.fail(error);
      halfClosed = true;
      call.end();
    },
    get peer() {
      return call.getPeer();
    },
  };
}

/** Serves a stream that a client opened. What `onFrame` throws beside a ConveyorError is INTERNAL and reported to `onUnexpected`. */
export function serveFrameStream<I extends DescMessage, O extends DescMessage>(
  call: grpc.ServerDuplexStream<Buffer, Buffer>,
  method: DescMethodBiDiStreaming<I, O>,
  handlers: FrameHandlers<MessageShape<I>>,
  onUnexpected: OnUnexpected,
): FrameStream<MessageShape<O>> {
  const path = methodPath(method);
  const sending = sendFrames(call, method, { onClose: (error) => handlers.onClose(error), onUnexpected });
  const attempt = (work: () => void) => {
    if (sending.closed) return;
    try {
      work();
    } catch (error) {
      sending.close(error);
    }
  };
  call.on("data", (bytes: Buffer) =>
    attempt(() => handlers.onFrame(decodeMessage(method.input, bytes, `a frame of ${path}`))),
  );
  call.on("end", () => attempt(() => (handlers.onHalfClose ? handlers.onHalfClose() : sending.close())));

  return {
    send: sending.send,
    get writable() {
      return sending.writable;
    },
    get closed() {
      return sending.closed;
    },
    drained: sending.drained,
    pause: () => void call.pause(),
    resume: () => void call.resume(),
    close: sending.close,
    peer: sending.peer,
  };
}
