import type { Any } from "@bufbuild/protobuf/wkt";
import type { TypedBytes } from "../core/job.ts";
import { parseTypeName, type TypeName } from "../core/names.ts";
import { invalidField } from "./invalid-field.ts";

const urlPrefix = "type.googleapis.com/";

/** A message as it travels; the bytes are not copied. */
export function typedBytesToAny(typed: TypedBytes): Any {
  return { $typeName: "google.protobuf.Any", typeUrl: urlPrefix + typed.type, value: typed.bytes };
}

/** The type and bytes of an Any, not copied; the name is what follows the last `/`. INVALID_NAME, or PAYLOAD_TOO_LARGE above `bytesMax`. */
export function anyToTypedBytes(any: Any, path: string, bytesMax: number): TypedBytes {
  checkSize(any.value, path, bytesMax);
  return { type: typeNameOfUrl(any.typeUrl, `${path}.type_url`), bytes: any.value };
}

/** The type's name out of a type URL. */
export function typeNameOfUrl(typeUrl: string, path: string): TypeName {
  return parseTypeName(typeUrl.slice(typeUrl.lastIndexOf("/") + 1), path);
}

/** PAYLOAD_TOO_LARGE above `bytesMax`. */
export function checkSize(bytes: Uint8Array, path: string, bytesMax: number): void {
  if (bytes.byteLength <= bytesMax) return;
  const problem = `it has ${bytes.byteLength} bytes, at most ${bytesMax} are taken; keep large data elsewhere and send its address`;
  throw invalidField("PAYLOAD_TOO_LARGE", path, problem);
}
