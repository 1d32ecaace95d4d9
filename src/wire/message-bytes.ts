import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { cutText } from "../core/error-text.ts";
import { ConveyorError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";

/** Encodes a message; more than 4 MiB is BATCH_TOO_LARGE (a message with a list) or PAYLOAD_TOO_LARGE. `what` names it in the error. */
export function encodeMessage<Desc extends DescMessage>(
  schema: Desc,
  message: MessageInitShape<Desc>,
  what: string,
): Uint8Array {
  const bytes = toBinary(schema, create(schema, message));
  if (bytes.byteLength > limits.frameBytesMax) throw tooLarge(schema, bytes.byteLength, what);
  return bytes;
}

/** Decodes a message; garbage is FRAME_INVALID, more than 4 MiB as in `encodeMessage`. Fields that the schema lacks are dropped. */
export function decodeMessage<Desc extends DescMessage>(
  schema: Desc,
  bytes: Uint8Array,
  what: string,
): MessageShape<Desc> {
  if (bytes.byteLength > limits.frameBytesMax) throw tooLarge(schema, bytes.byteLength, what);
  // Payloads are views of these bytes; views of a Buffer would be Buffers, whose `slice` is no copy.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    return fromBinary(schema, plain, { readUnknownFields: false });
  } catch (error) {
    throw new ConveyorError("FRAME_INVALID", `${what} is not a ${schema.typeName}: ${decodeProblem(error)}`, {
      cause: error,
    });
  }
}

/** What protobuf says of bytes that it cannot decode, fit to be shown. */
export function decodeProblem(error: unknown): string {
  if (!(error instanceof Error) || error instanceof RangeError) return "it is cut off or not protobuf";
  return cutText(error.message, 300);
}

function tooLarge(schema: DescMessage, bytes: number, what: string): ConveyorError {
  const batch = schema.fields.some((field) => field.fieldKind === "list");
  const advice = batch ? "; split it" : "";
  return new ConveyorError(
    batch ? "BATCH_TOO_LARGE" : "PAYLOAD_TOO_LARGE",
    `${what} has ${bytes} bytes, at most ${limits.frameBytesMax} are taken${advice}`,
  );
}
