import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import * as grpc from "@grpc/grpc-js";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { fromServiceError } from "./error-status.ts";
import { decodeMessage, decodeProblem, encodeMessage } from "./message-bytes.ts";
import { methodPath, sameBytes, toBuffer } from "./service-definition.ts";

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** From now; the broker is told, too. */
  readonly timeoutMs?: number | undefined;
  readonly metadata?: grpc.Metadata | undefined;
}

/** grpc-js turns a deadline into one timer; a longer one would fire at once. */
const timeoutMsMax = 24 * 24 * 3_600_000;

/**
 * Calls a method and decodes its answer. Rejects with a ConveyorError: ABORTED when the signal came first, TIMED_OUT after
 * `timeoutMs`, BROKER_UNREACHABLE when there was no answer, BATCH_TOO_LARGE or PAYLOAD_TOO_LARGE before anything was sent, else
 * what the broker sent.
 */
export function callUnary<I extends DescMessage, O extends DescMessage>(
  client: grpc.Client,
  method: DescMethodUnary<I, O>,
  request: MessageInitShape<I>,
  options: CallOptions = {},
): Promise<MessageShape<O>> {
  return new Promise((resolve, reject) => {
    const { signal, timeoutMs, metadata = new grpc.Metadata() } = options;
    const path = methodPath(method);
    if (signal?.aborted) throw abortedCall(path, signal);
    const bytes = encodeRequest(method.input, request, path);
    const deadline = timeoutMs === undefined ? {} : { deadline: Date.now() + Math.min(timeoutMs, timeoutMsMax) };
    const onAnswer = (error: grpc.ServiceError | null, answer?: Buffer) => {
      signal?.removeEventListener("abort", onAbort);
      if (error) return reject(signal?.aborted ? abortedCall(path, signal) : fromServiceError(error));
      try {
        resolve(decodeMessage(method.output, answer ?? nothing, `the answer of ${path}`));
      } catch (problem) {
        reject(problem);
      }
    };
    const onAbort = () => call.cancel();
    const call = start(() =>
      client.makeUnaryRequest<Uint8Array, Buffer>(path, toBuffer, sameBytes, bytes, metadata, deadline, onAnswer),
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

const nothing = new Uint8Array();

function encodeRequest<I extends DescMessage>(schema: I, request: MessageInitShape<I>, path: string): Uint8Array {
  try {
    return encodeMessage(schema, request, `the request of ${path}`);
  } catch (error) {
    if (isConveyorError(error)) throw error;
    // protobuf refuses a value that its field cannot hold, such as a fraction for an int32
    throw new ConveyorError("INVALID_OPTION", `the request of ${path}: ${decodeProblem(error)}`, { cause: error });
  }
}

/** grpc-js throws at once only when its channel has been closed. */
function start<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new ConveyorError("CLOSED", "the connection to the broker has been closed", { cause: error });
  }
}

function abortedCall(path: string, signal: AbortSignal): ConveyorError {
  return new ConveyorError("ABORTED", `the call of ${path} was aborted`, { cause: signal.reason });
}
