import assert from "node:assert/strict";
import { child, job, tree } from "../jobs.ts";
import { declare } from "./declare.ts";
import type { World } from "./world.ts";

/** p has a running child c that fails fast, and what `world` needs to be cancelled by it. */
export async function failFast(world: World, ...siblings: Parameters<typeof declare>[2][]): Promise<void> {
  await declare(world, "p", child("c", { policy: "FAIL_FAST" }), ...siblings);
  await world.claim();
}

/** A running job `x` that a failed sibling asked to stop. */
export async function cancelRequested(world: World, ...below: Parameters<typeof child>[2][]): Promise<void> {
  await world.insert(tree(job("p"), child("c", { policy: "FAIL_FAST" }), child("x", {}, ...below)));
  await world.claim();
  await world.succeed("p");
  await world.claim();
  await world.discard("c");
  await world.upkeep();
  const found = await world.get("x");
  assert.deepEqual([found.state, found.cancelRequested, found.reason], ["RUNNING", true, undefined]);
}
