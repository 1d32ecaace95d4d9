import { invalidField } from "./invalid-field.ts";

/** The number of a caller's word; INVALID_OPTION with all words for any other text: JavaScript callers can give anything. */
export function wordToWire<Word extends string, Value>(
  table: Readonly<Record<Word, Value>>,
  word: Word,
  path: string,
): Value {
  if (Object.hasOwn(table, word)) return table[word];
  const known = Object.keys(table).join(", ");
  throw invalidField("INVALID_OPTION", path, `it is one of ${known}; got ${JSON.stringify(word)}`);
}
