import type { JobId } from "../../../src/core/names.ts";
import { stable } from "../comparable.ts";
import type { Command } from "../model/command.ts";
import { perform, type Side } from "../model/perform.ts";

/** What a client of a concurrent history calls: one step of a store, so that it happens at one moment. */
export type Operation = Command | { readonly kind: "statuses"; readonly ids: readonly JobId[] };

/** Calls it; the answer as text that is the same for every store. Effects are hints and left out. */
export async function call(side: Side, operation: Operation): Promise<string> {
  if (operation.kind === "statuses") {
    const statuses = await side.store.getStatuses(operation.ids);
    // Versions only have to rise: stores count them freely.
    return stable(
      statuses.map((each) => each && { state: each.state, ran: each.ran }),
      0,
    );
  }
  const answer = await perform(side, operation);
  if (typeof answer !== "object" || answer === null) return stable(answer, 0);
  return stable({ ...answer, effects: undefined }, 0);
}
