import type { UpkeepAnswer } from "../../store/effects.ts";

/** Others hold what is due: it is looked at again after this. */
const heldMs = 50;

/** In how many ms the next step of an upkeep loop is due; undefined: nothing more is. */
export function nextStepInMs({ more, count }: Pick<UpkeepAnswer, "more" | "count">): number | undefined {
  if (!more) return undefined;
  return count > 0 ? 0 : heldMs;
}
