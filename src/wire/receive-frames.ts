import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { ConveyorError } from "../core/errors.ts";
import { fromServiceError } from "./error-status.ts";
import { decodeMessage } from "./message-bytes.ts";
import { endOf } from "./stream-state.ts";

export interface ReceiveHandlers<In> {
  /** A throw closes the stream with that error. */
  onFrame(frame: In): void;
  /** Undefined: the other side ended well. On a server, ABORTED: the client cancelled or is gone. */
  onClose(error: ConveyorError | undefined): void;
}

/** The receiving end of a call that a client made. */
export interface Receiving {
  readonly over: boolean;
  /** Cancels the call; `onClose` is called before this returns. */
  fail(error: unknown): void;
}

/** Hands on what arrives, and then once how the call ended. */
export function receiveFrames<O extends DescMessage>(
  call: grpc.ClientDuplexStream<Uint8Array, Buffer> | grpc.ClientReadableStream<Buffer>,
  options: ReceiveHandlers<MessageShape<O>> & {
    readonly output: O;
    readonly path: string;
    /** Closes the stream with ABORTED. */
    readonly signal: AbortSignal | undefined;
  },
): Receiving {
  const { output, path, signal } = options;
  let outcome: { readonly error: ConveyorError | undefined } | undefined;
  const end = endOf((error) => {
    signal?.removeEventListener("abort", onAbort);
    options.onClose(error);
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
      options.onFrame(decodeMessage(output, bytes, `a frame of ${path}`));
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
    get over() {
      return end.over;
    },
    fail,
  };
}
