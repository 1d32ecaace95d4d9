/**
 * The key of a node as its column holds it: as within quotes in JSON, so that every text can be stored, U+0000 and lone surrogates too,
 * and different keys stay different. Null: no key.
 */
export function encodeKey(key: string): string | undefined {
  return key === "" ? undefined : JSON.stringify(key).slice(1, -1);
}

export function decodeKey(text: string | null): string {
  if (text === null) return "";
  return text.includes("\\") ? String(JSON.parse(`"${text}"`)) : text;
}
