import { ConveyorError } from "../../core/errors.ts";

/** Reads a page cursor that this store made: `parts` whole numbers. */
export function parseCursor(cursor: string, parts = 1): readonly number[] {
  const texts = cursor.split(".");
  if (texts.length !== parts || !texts.every((text) => /^-?[0-9]{1,15}$/.test(text))) {
    throw new ConveyorError("BAD_TOKEN", "the page token is not one of this list; start again without it");
  }
  return texts.map(Number);
}
