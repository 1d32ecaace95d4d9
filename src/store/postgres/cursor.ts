import { ConveyorError } from "../../core/errors.ts";

/** Reads a page cursor that this store made: a whole number. */
export function parseCursor(cursor: string): number {
  if (!/^[0-9]{1,15}$/.test(cursor)) throw badToken();
  return Number(cursor);
}

export function badToken(): ConveyorError {
  return new ConveyorError("BAD_TOKEN", "the page token is not one of this list; start again without it");
}
