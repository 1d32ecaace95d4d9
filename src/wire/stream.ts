import type { DescMessage, DescMethodBiDiStreaming, MessageShape } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { fromServiceError, toServiceError } from "./error-status.ts";
import { decodeMessage, encodeMessage } from "./message-bytes.ts";
import { methodPath, sameBytes, toBuffer } from "./service-definition.ts";
import { drainOf, endOf } from "./stream-state.ts";
import { type OnUnexpected, reportQuietly } from "./unary-handler.ts";

/**
 * One end of a bidirectional stream of frames. Open until its one close: by `close`, by the peer, or by a broken transport.
 * After it nothing is sent, no frame arrives, and `onClose` has been called once.
 */
export interface FrameStream<Out> {
  /**
   * Sends a frame. False: the transport is full, send no more before `drained`; or the stream is closed. Throws BATCH_TOO_LARGE
   * or PAYLOAD_TOO_LARGE above 4 MiB: split before.
   */
  send(frame: Out): boolean;
  /** Whether the next `send` meets a transport with room. */
  readonly writable: boolean;
  readonly closed: boolean;
  /** Resolves when there is room again, and also when the stream closes: look at `closed`. */
  drained(): Promise<void>;
  /** Stops and goes on reading; the peer feels it through flow control. */
  pause(): void;
  resume(): void;
  /**
   * Without an error: a server ends the call with OK, a client says that it has no more to send and is closed when the server
   * has ended. With one: a server ends the call with its status, a client cancels, and `onClose` is called before this returns.
   */
  close(error?: unknown): void;
  /** Address of the peer. */
  readonly peer: string;
}

export interface FrameHandlers<In> {
  /** A throw closes the stream with that error. */
  onFrame(frame: In): void;
  /** A server's: the client has no more to send. Without it the stream is then closed. */
  onHalfClose?: (() => void) | undefined;
  /** Undefined: the other side ended well. On a server, ABORTED: the client cancelled or is gone. */
  onClose(error: ConveyorError | undefined): void;
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
  const { signal } = options;
  const call = client.makeBidiStreamRequest<Uint8Array, Buffer>(
    path,
    toBuffer,
    sameBytes,
    options.metadata ?? new grpc.Metadata(),
    {},
  );
  const drain = drainOf(call);
  let halfClosed = false;
  let outcome: { readonly error: ConveyorError | undefined } | undefined;
  const end = endOf((error) => {
    signal?.removeEventListener("abort", onAbort);
    drain.release();
    handlers.onClose(error);
  });
  const fail = (error: unknown) => {
    end.now(fromServiceError(error));
    call.cancel();
  };
  const onAbort = () => fail(new ConveyorError("ABORTED", `${path} was aborted`, { cause: signal?.reason }));
  // grpc-js tells the outcome while the last frames may still wait to be read: they come first, but nobody waits for one who paused a broken stream.
  const finish = (error: ConveyorError | undefined) => {
    outcome = { error };
    if (call.readableLength === 0 || (error && call.isPaused())) end.now(error);
  };

  call.on("data", (bytes: Buffer) => {
    if (end.over) return;
    try {
      handlers.onFrame(decodeMessage(method.output, bytes, `a frame of ${path}`));
    } catch (error) {
      fail(error);
    }
  });
  call.on("error", (error) => finish(fromServiceError(error)));
  call.on("status", (status) => {
    if (status.code === grpc.status.OK) finish(undefined);
  });
  call.on("end", () => outcome && end.now(outcome.error));
  if (signal?.aborted) onAbort();
  else signal?.addEventListener("abort", onAbort, { once: true });

  return {
    send(frame) {
      if (end.over || halfClosed) return false;
      return drain.after(call.write(encodeMessage(method.input, frame, `a frame of ${path}`)));
    },
    get writable() {
      return !end.over && !halfClosed && drain.open;
    },
    get closed() {
      return end.over;
    },
    drained: drain.wait,
    pause: () => void call.pause(),
    resume: () => void call.resume(),
    close(error) {
      if (end.over) return;
      if (error !== undefined) return fail(error);
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
  const peer = call.getPeer();
  const drain = drainOf(call);
  const end = endOf((error) => {
    drain.release();
    handlers.onClose(error);
  });
  const close = (error?: unknown) => {
    if (end.over) return;
    const known = error === undefined || isConveyorError(error);
    if (!known) reportQuietly(onUnexpected, error, path);
    try {
      end.now(known ? error : new ConveyorError("INTERNAL", `${path} met an internal error`, { cause: error }));
    } finally {
      if (error === undefined) call.end();
      else call.emit("error", toServiceError(error)); // how grpc-js takes a status
    }
  };
  const attempt = (work: () => void) => {
    if (end.over) return;
    try {
      work();
    } catch (error) {
      close(error);
    }
  };

  call.on("data", (bytes: Buffer) =>
    attempt(() => handlers.onFrame(decodeMessage(method.input, bytes, `a frame of ${path}`))),
  );
  call.on("end", () => attempt(() => (handlers.onHalfClose ? handlers.onHalfClose() : close())));
  call.on("cancelled", () => end.now(new ConveyorError("ABORTED", `the client at ${peer} is gone or cancelled`)));
  // Our own close comes this way, too, and finds the end made.
  call.on("error", (error) => end.now(new ConveyorError("ABORTED", `the stream to ${peer} broke`, { cause: error })));

  return {
    send(frame) {
      if (end.over) return false;
      return drain.after(call.write(toBuffer(encodeMessage(method.output, frame, `a frame of ${path}`))));
    },
    get writable() {
      return !end.over && drain.open;
    },
    get closed() {
      return end.over;
    },
    drained: drain.wait,
    pause: () => void call.pause(),
    resume: () => void call.resume(),
    close,
    peer,
  };
}
