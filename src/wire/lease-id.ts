import { type LeaseId, parsePrintable } from "../core/names.ts";

/** Accepts 1 to 128 printable ASCII characters, else throws INVALID_NAME. */
export function leaseIdFromWire(text: string, path: string): LeaseId {
  return parsePrintable(text, path, "a lease id") as LeaseId;
}

/** The same for a list. */
export function leaseIdsFromWire(texts: readonly string[], path: string): readonly LeaseId[] {
  return texts.map((text, index) => leaseIdFromWire(text, `${path}[${index}]`));
}
