import { create, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { ConveyorError, type ErrorCode } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { TypeName } from "../core/names.ts";
import { decodeProblem } from "./message-bytes.ts";
import { typedBytesToAny, typeNameOfUrl } from "./payload.ts";

/** A message, or what `create` takes for one, in bytes with its name; PAYLOAD_INVALID when it does not fit `schema`, PAYLOAD_TOO_LARGE over 1 MiB. */
export function packPayload(schema: DescMessage, value: unknown): Any {
  return pack(schema, value, { invalid: "PAYLOAD_INVALID", what: "payload", bytesMax: limits.payloadBytesMax });
}

/** The same for a result; RESULT_TYPE_MISMATCH when it does not fit. */
export function packResult(schema: DescMessage, value: unknown): Any {
  return pack(schema, value, { invalid: "RESULT_TYPE_MISMATCH", what: "result", bytesMax: limits.resultBytesMax });
}

/** Decodes; `invalid` when it is another type or no protobuf. Fields that the schema lacks are kept. */
export function unpackAny(schema: DescMessage, any: Any, invalid: ErrorCode): Message {
  const name = typeNameOfUrl(any.typeUrl, "type_url");
  if (name !== schema.typeName) throw new ConveyorError(invalid, `expected a ${schema.typeName}, got a ${name}`);
  try {
    return fromBinary(schema, plainBytes(any.value));
  } catch (error) {
    throw new ConveyorError(
      invalid,
      `${any.value.byteLength} bytes are no valid ${schema.typeName}: ${decodeProblem(error)}`,
      { cause: error },
    );
  }
}

/** The same bytes, not copied, as what protobuf promises: of a Buffer every bytes field would be a Buffer, which compares and prints as another thing. */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

interface Kind {
  readonly invalid: ErrorCode;
  readonly what: string;
  readonly bytesMax: number;
}

function pack(schema: DescMessage, value: unknown, kind: Kind): Any {
  const bytes = encode(schema, messageOf(schema, value, kind), kind);
  if (bytes.byteLength > kind.bytesMax) {
    throw new ConveyorError(
      "PAYLOAD_TOO_LARGE",
      `this ${kind.what} of type ${schema.typeName} has ${bytes.byteLength} bytes, at most ${kind.bytesMax} are taken; ` +
        "keep large data elsewhere and send where it is",
    );
  }
  return typedBytesToAny({ type: schema.typeName as TypeName, bytes }); // a schema's name is one
}

function messageOf(schema: DescMessage, value: unknown, { invalid, what }: Kind): Message {
  if (typeof value !== "object" || value === null) {
    const got = value === null ? "null" : typeof value;
    throw new ConveyorError(invalid, `a ${what} of type ${schema.typeName} is an object; got ${got}`);
  }
  if ("$typeName" in value) {
    if (value.$typeName === schema.typeName) return value as Message; // a message says its type
    throw new ConveyorError(invalid, `expected a ${schema.typeName} as ${what}, got a ${String(value.$typeName)}`);
  }
  for (const key of Object.keys(value)) {
    if (!Object.hasOwn(schema.field, key) && !schema.oneofs.some((oneof) => oneof.localName === key)) {
      const known = Object.keys(schema.field).join(", ") || "none";
      throw new ConveyorError(invalid, `${schema.typeName} has no field "${key}"; its fields are ${known}`, {
        details: { fields: [{ path: key, problem: "no such field" }] },
      });
    }
  }
  return encodable(() => create(schema, value as Record<string, unknown>), schema, invalid);
}

function encode(schema: DescMessage, message: Message, { invalid }: Kind): Uint8Array {
  return encodable(() => toBinary(schema, message), schema, invalid);
}

function encodable<T>(run: () => T, schema: DescMessage, invalid: ErrorCode): T {
  try {
    return run();
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new ConveyorError(invalid, `this is no valid ${schema.typeName}: ${problem}`, { cause: error });
  }
}
