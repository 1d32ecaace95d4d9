import { ConveyorError } from "../../core/errors.ts";

/** Reads a page cursor that this store made: a whole number. */
export function parseCursor(cursor: string): number {
  if (!/^[0-9]{1,15}$/.test(cursor)) throw notOurs();
  return Number(cursor);
}

/** Reads a cursor of a chain: the level and the job that a page ended with. */
export function parsePlace(cursor: string): { readonly depth: number; readonly seq: number } {
  const [, depth, seq] = /^([0-9]{1,9})\.([0-9]{1,15})$/.exec(cursor) ?? [];
  if (depth === undefined || seq === undefined) throw notOurs();
  return { depth: Number(depth), seq: Number(seq) };
}

function notOurs(): ConveyorError {
  return new ConveyorError("BAD_TOKEN", "the page token is not one of this list; start again without it");
}
