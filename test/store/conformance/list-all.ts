import assert from "node:assert/strict";
import type { ListFilter } from "../../../src/store/query.ts";
import type { World } from "./world.ts";

/** Ids of all pages of this size; every page but the last says how to go on. */
export async function list(world: World, filter: Partial<ListFilter>, size = 100): Promise<readonly string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await world.store.listJobs({ states: [], includeChainFailed: true, ...filter }, { size, cursor });
    assert.ok(page.items.length <= size);
    found.push(...page.items.map((each) => each.id));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}
