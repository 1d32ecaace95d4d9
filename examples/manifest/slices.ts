import type { Entry } from "./folder-entries.ts";

/** A range of names: above one, up to and with another; "" is no bound. */
export interface Slice {
  readonly above: string;
  readonly through: string;
}

/** Half of what one result may declare: a slice may grow between two looks at its folder. */
const entriesMax = 1_000;
/** Half of the bytes that one result may declare. */
const bytesMax = 512 * 1024;
/** A declared job without its path: type, options, edge. */
const bytesEach = 250;

export function within(entries: readonly Entry[], slice: Slice): readonly Entry[] {
  return entries.filter(({ name }) => name > slice.above && (slice.through === "" || name <= slice.through));
}

/**
 * Ranges that cover `slice` without overlap; one when its entries can be declared in one result. A range that is still too
 * large is sliced again by its own job. Names decide, not positions: a file that comes or goes moves no other to another range.
 */
export function slicesOf(entries: readonly Entry[], slice: Slice, pathBytes: number): readonly Slice[] {
  const jobBytes = bytesEach + pathBytes;
  const names = entries.reduce((sum, { name }) => sum + name.length, 0);
  const longest = entries.reduce((most, { name }) => Math.max(most, name.length), 0);
  const wanted = Math.ceil(Math.max(entries.length / entriesMax, (entries.length * jobBytes + names) / bytesMax));
  if (wanted <= 1) return [slice];
  const slicesMax = Math.max(2, Math.min(entriesMax, Math.floor(bytesMax / (jobBytes + 2 * longest))));
  const perSlice = Math.ceil(entries.length / Math.min(wanted, slicesMax));
  const bounds = entries.filter((_, index) => index % perSlice === perSlice - 1 && index < entries.length - 1);
  const ends = [...bounds.map(({ name }) => name), slice.through];
  return ends.map((through, index) => ({ above: ends[index - 1] ?? slice.above, through }));
}
