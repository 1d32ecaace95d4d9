import { type Branch, job } from "../jobs.ts";
import type { World } from "./world.ts";

/** Inserts a root, runs it, and has its success declare `nodes`. */
export async function declare(world: World, root: string, ...nodes: readonly Branch[]): Promise<void> {
  await world.insert(job(root));
  await world.claim();
  await world.succeed(root, nodes);
}
