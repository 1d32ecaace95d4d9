import type { JobRow } from "./row.ts";
import { SortedList } from "./sorted-list.ts";

export function listOf<Key, Item>(map: Map<Key, Item[]>, key: Key): Item[] {
  const list = map.get(key) ?? [];
  map.set(key, list);
  return list;
}

/** Takes an item, mostly the last one, out of a list, and the list with its only one. */
export function dropFrom<Key, Item>(map: Map<Key, Item[]>, key: Key, item: Item): void {
  const list = map.get(key) ?? [];
  const place = list.lastIndexOf(item);
  if (place >= 0) list.splice(place, 1);
  if (list.length === 0) map.delete(key);
}

export function mapOf<Key, Inner, Value>(map: Map<Key, Map<Inner, Value>>, key: Key): Map<Inner, Value> {
  const inner = map.get(key) ?? new Map<Inner, Value>();
  map.set(key, inner);
  return inner;
}

export function sortedOf<Key>(
  map: Map<Key, SortedList<JobRow>>,
  key: Key,
  compare: (left: JobRow, right: JobRow) => number,
): SortedList<JobRow> {
  const list = map.get(key) ?? new SortedList(compare);
  map.set(key, list);
  return list;
}
