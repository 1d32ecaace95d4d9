import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type * as grpc from "@grpc/grpc-js";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { toServiceError } from "./error-status.ts";
import { encodeMessage } from "./message-bytes.ts";
import { methodPath, toBuffer } from "./service-definition.ts";
import { drainOf, endOf } from "./stream-state.ts";
import { type OnUnexpected, reportQuietly } from "./unary-handler.ts";

/** The end of a stream that sends. Open until its one close: after it nothing is sent, and `onClose` has been called once. */
export interface SendingStream<Out> {
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
  /**
   * Without an error: a server ends the call with OK, a client says that it has no more to send and is closed when the server
   * has ended. With one: a server ends the call with its status, a client cancels, and `onClose` is called before this returns.
   */
  close(error?: unknown): void;
  /** Address of the peer. */
  readonly peer: string;
}

/** The sending end of a call that a server serves. An error to `close` that is no ConveyorError is INTERNAL and reported. */
export function sendFrames<O extends DescMessage>(
  call: grpc.ServerDuplexStream<Buffer, Buffer> | grpc.ServerWritableStream<Buffer, Buffer>,
  method: { readonly parent: { readonly typeName: string }; readonly name: string; readonly output: O },
  options: {
    /** ABORTED: the client cancelled or is gone; undefined: the call ended well. */
    readonly onClose: (error: ConveyorError | undefined) => void;
    readonly onUnexpected: OnUnexpected;
  },
): SendingStream<MessageShape<O>> {
  const path = methodPath(method);
  const peer = call.getPeer();
  const drain = drainOf(call);
  const end = endOf((error) => {
    drain.release();
    options.onClose(error);
  });
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
    close(error) {
      if (end.over) return;
      const known = error === undefined || isConveyorError(error);
      if (!known) reportQuietly(options.onUnexpected, error, path);
      try {
        end.now(known ? error : new ConveyorError("INTERNAL", `${path} met an internal error`, { cause: error }));
      } finally {
        if (error === undefined) call.end();
        else call.emit("error", toServiceError(error)); // how grpc-js takes a status
      }
    },
    peer,
  };
}
