import assert from "node:assert/strict";
import { type Branch, child, job, success } from "../jobs.ts";
import { stage } from "./ask.ts";
import type { World } from "./world.ts";

/** A success that names so many staged children, with heirs perhaps. */
export const staged = (count: number, nodes: readonly Branch[] = []) => ({ ...success(nodes), staged: count }) as const;
export const children = (...ids: readonly string[]): readonly Branch[] => ids.map((id) => child(id));

/** p runs and has staged a, b and c. */
export async function stagedThree(world: World, root = job("p")): Promise<void> {
  await world.insert(root);
  await world.claim();
  assert.deepEqual(await stage(world, root.id, 1, children("a", "b")), { kind: "staged", total: 2 });
  assert.deepEqual(await stage(world, root.id, 2, children("c")), { kind: "staged", total: 3 });
}
