import { textBytes } from "../core/error-text.ts";
import { limits } from "../core/limits.ts";
import { parsePrintable } from "../core/names.ts";
import { invalidField } from "./invalid-field.ts";

/** A job's metadata; undefined when empty, so that it is inherited. At most 32 entries, 4 KiB in all, keys of printable ASCII. */
export function metadataFromWire(
  metadata: Readonly<Record<string, string>>,
  path: string,
): Readonly<Record<string, string>> | undefined {
  const keys = Object.keys(metadata);
  if (keys.length === 0) return undefined;
  if (keys.length > limits.metadataEntriesMax) {
    throw invalidField(
      "INVALID_OPTION",
      path,
      `it has ${keys.length} entries, at most ${limits.metadataEntriesMax} are taken`,
    );
  }
  let bytes = 0;
  for (const key of keys) {
    parsePrintable(key, path, "a metadata key");
    bytes += key.length + textBytes(metadata[key] ?? "");
  }
  if (bytes > limits.metadataBytesMax) {
    throw invalidField("INVALID_OPTION", path, `it has ${bytes} bytes, at most ${limits.metadataBytesMax} are taken`);
  }
  return metadata;
}
