import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { status as grpcStatus, Metadata } from "@grpc/grpc-js";
import { type Status, StatusSchema } from "../../gen/google/rpc/status_pb.ts";
import { cutText } from "../core/error-text.ts";
import { ConveyorError, type ErrorCode, errorStatus, isConveyorError } from "../core/errors.ts";
import { detailsToAny, readDetails } from "./error-details.ts";
import { codeOfTransport } from "./transport-error.ts";

/** What grpc-js sends at the end of a call that failed. */
export interface ServiceStatus {
  readonly code: grpcStatus;
  readonly details: string;
  readonly metadata: Metadata;
}

/** The header that carries a `google.rpc.Status`. */
const detailsKey = "grpc-status-details-bin";
/** The text of every error that is not ours: what went wrong inside is for the log alone. */
const unexpectedText = "internal error of the broker; its log says more";
/** Together with the details and the base64 of both, below 8 KiB of headers. */
const messageBytesMax = 1_024;
const headerTextMax = 2_048;

/** A Conveyor error as the end of a call; anything else becomes INTERNAL with a fixed text. Headers stay below 8 KiB. */
export function toServiceError(error: unknown): ServiceStatus {
  const status = toRpcStatus(error);
  const metadata = new Metadata();
  metadata.set(detailsKey, Buffer.from(toBinary(StatusSchema, status)));
  return { code: status.code, details: cutForHeader(status.message), metadata };
}

/** The same as a message, for one item of a batch or a frame. */
export function toRpcStatus(error: unknown): Status {
  const known = isConveyorError(error) ? error : new ConveyorError("INTERNAL", unexpectedText);
  return create(StatusSchema, {
    code: statusOf(known.code),
    message: cutText(known.message, messageBytesMax),
    details: detailsToAny(known.code, known.details),
  });
}

/** A status for the hot path: a code and a text without further details. */
export function codeToRpcStatus(code: ErrorCode, message: string): Status {
  return { $typeName: "google.rpc.Status", code: statusOf(code), message, details: detailsToAny(code, {}) };
}

/** What a failed call means: the error that the broker sent, or what grpc says of the transport. */
export function fromServiceError(error: unknown): ConveyorError {
  if (isConveyorError(error)) return error;
  if (!isServiceError(error)) {
    const text = error instanceof Error ? error.message : String(error);
    return new ConveyorError("INTERNAL", text, { cause: error });
  }
  const status = statusInMetadata(error.metadata);
  const sent = status && readStatus(status, error);
  if (sent) return sent;
  const { code, message } = codeOfTransport(error.code, error.details);
  return new ConveyorError(code, message, { cause: error });
}

/** The error that a status in an answer stands for. */
export function fromRpcStatus(status: Status): ConveyorError {
  const { code, message } = codeOfTransport(status.code, status.message);
  return readStatus(status, undefined) ?? new ConveyorError(code, message);
}

function statusOf(code: ErrorCode): grpcStatus {
  return grpcStatus[errorStatus[code]];
}

function readStatus(status: Status, cause: unknown): ConveyorError | undefined {
  const { reason, details } = readDetails(status.details);
  if (reason === undefined) return undefined;
  if (isErrorCode(reason)) return new ConveyorError(reason, status.message, { cause, details });
  // A newer broker's reason: the status says the kind, the metadata keeps the name.
  const { code } = codeOfTransport(status.code, status.message);
  return new ConveyorError(code, status.message, {
    cause,
    details: { ...details, metadata: { ...details.metadata, reason } },
  });
}

function isErrorCode(reason: string): reason is ErrorCode {
  return Object.hasOwn(errorStatus, reason);
}

function statusInMetadata(metadata: unknown): Status | undefined {
  if (!(metadata instanceof Metadata)) return undefined;
  const [bytes] = metadata.get(detailsKey);
  if (!(bytes instanceof Uint8Array)) return undefined;
  try {
    return fromBinary(StatusSchema, bytes);
  } catch {
    return undefined; // the status code alone still says enough
  }
}

function isServiceError(error: unknown): error is Error & { code: number; details: string; metadata?: unknown } {
  return error instanceof Error && "code" in error && typeof error.code === "number" && "details" in error;
}

/** grpc-message is percent-encoded: what is not plain ASCII takes three characters a byte. */
function cutForHeader(text: string): string {
  let room = headerTextMax;
  let end = 0;
  for (const character of text) {
    room -= /[\x20-\x24\x26-\x7e]/.test(character) ? 1 : 3 * Buffer.byteLength(character);
    if (room < 0) break;
    end += character.length;
  }
  return text.slice(0, end);
}
