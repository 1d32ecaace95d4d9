import type { NewTree } from "../../core/job.ts";
import type { InsertItem } from "../store.ts";
import type { Bulk } from "./bulk.ts";
import { type EncodedRow, encodeTree } from "./encode-job.ts";

/** Inserts as the function insert_batch takes them. */
export interface EncodedInserts {
  /** Jobs that stand alone in their items, and share id and request id with nothing else of the batch. `i`: index of the item. */
  readonly plain: readonly EncodedRow[];
  /** `x`: something within the item has the id or request id of something else. */
  readonly items: readonly { readonly i: number; readonly x: boolean; readonly r: readonly EncodedRow[] }[];
}

export function encodeInserts(bulk: Bulk, inserts: readonly InsertItem[]): EncodedInserts {
  const repeated = repeatedIds(inserts);
  const plain: EncodedRow[] = [];
  const items: EncodedInserts["items"][number][] = [];
  for (const [index, { trees }] of inserts.entries()) {
    const overlaps = repeated.size > 0 && trees.some((tree) => idsOf(tree).some((id) => repeated.has(id)));
    const rows = trees.flatMap((tree, place) => encodeTree(bulk, tree, place));
    const [only] = rows;
    if (only !== undefined && rows.length === 1 && !overlaps) plain.push({ ...only, i: index });
    else items.push({ i: index, x: overlaps, r: rows });
  }
  return { plain, items };
}

/** Ids and request ids that the batch names more than once. */
function repeatedIds(inserts: readonly InsertItem[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { trees } of inserts) {
    for (const id of trees.flatMap(idsOf)) {
      if (seen.has(id)) repeated.add(id);
      seen.add(id);
    }
  }
  return repeated;
}

/** Ids and request ids of a tree, told apart by their first character. */
function idsOf({ root, nodes }: NewTree): readonly string[] {
  const ids = [`i${root.id}`, ...nodes.map(({ job }) => `i${job.id}`)];
  return root.requestId === undefined ? ids : [...ids, `r${root.requestId}`];
}
