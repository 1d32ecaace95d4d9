import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type * as grpc from "@grpc/grpc-js";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { type CallOrigin, originOf } from "./call-origin.ts";
import { toServiceError } from "./error-status.ts";
import { decodeMessage, encodeMessage } from "./message-bytes.ts";
import { methodPath, toBuffer } from "./service-definition.ts";

/** What a handler of a call gets beside the request. */
export interface ServerCallContext extends CallOrigin {
  /** Aborts when the caller is gone, has cancelled, or its deadline is over. */
  readonly signal: AbortSignal;
  /** The caller's deadline in ms since the epoch. */
  readonly deadlineMs: number | undefined;
}

/** Reports a throw that was no ConveyorError; the caller only sees INTERNAL with a fixed text. */
export type OnUnexpected = (error: unknown, method: string) => void;

/**
 * The grpc-js handler of a unary method: decodes, awaits `handler`, encodes. Every throw becomes a status: a ConveyorError its
 * own, anything else INTERNAL, reported to `onUnexpected`. Garbage is FRAME_INVALID, an oversize message BATCH_TOO_LARGE or PAYLOAD_TOO_LARGE.
 */
export function handleUnary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  handler: (request: MessageShape<I>, context: ServerCallContext) => Promise<MessageInitShape<O>>,
  onUnexpected: OnUnexpected,
): grpc.handleUnaryCall<Buffer, Buffer> {
  const path = methodPath(method);
  return (call, callback) => {
    const abort = new AbortController();
    let answered = false;
    // grpc-js says "cancelled" after each normal end, too.
    call.on("cancelled", () => answered || abort.abort(new ConveyorError("ABORTED", "the caller is gone")));
    const respond = async () => {
      const request = decodeMessage(method.input, call.request, `the request of ${path}`);
      const answer = await handler(request, contextOf(call, abort.signal));
      return toBuffer(encodeMessage(method.output, answer, `the answer of ${path}`));
    };
    respond().then(
      (bytes) => {
        answered = true;
        callback(null, bytes);
      },
      (error: unknown) => {
        answered = true;
        if (!isConveyorError(error)) reportQuietly(onUnexpected, error, path);
        callback(toServiceError(error));
      },
    );
  };
}

/** A reporter that throws must not take the answer with it. */
export function reportQuietly(onUnexpected: OnUnexpected, error: unknown, method: string): void {
  try {
    onUnexpected(error, method);
  } catch {
    // the caller's answer matters more than a broken log
  }
}

function contextOf(call: grpc.ServerUnaryCall<Buffer, Buffer>, signal: AbortSignal): ServerCallContext {
  const deadline = Number(call.getDeadline());
  return {
    signal,
    deadlineMs: Number.isFinite(deadline) ? deadline : undefined,
    ...originOf(call),
  };
}
