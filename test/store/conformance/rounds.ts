import assert from "node:assert/strict";
import type { Outcome } from "../../../src/core/job.ts";
import { only, type World } from "./world.ts";

/** Claims and settles `rounds` times the one job there is, time passing as it has to. */
export async function rounds(world: World, count: number, outcome: (round: number) => Outcome): Promise<void> {
  let answer = await world.commit({ claim: [await world.claimItem()] });
  for (let round = 1; round <= count; round += 1) {
    const lease = only(world.take(only(answer.claimed)));
    const settled = await world.settle(world.item(lease, outcome(round)));
    assert.equal(only(settled).kind, "accepted");
    world.advance(600_000);
    await world.promote();
    answer = await world.commit({ claim: [await world.claimItem()] });
  }
  const next = only(answer.claimed);
  if (next.kind === "claimed" && next.leases.length > 0) world.take(next);
}
