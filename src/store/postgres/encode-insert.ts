import type { NewTree } from "../../core/job.ts";
import { groupType, type JobId } from "../../core/names.ts";
import type { InsertItem } from "../commit.ts";
import type { Bulk } from "./bulk.ts";
import { type EncodedRow, encodeTree } from "./encode-job.ts";

/** Inserts as the function insert_batch takes them. */
export interface EncodedInserts {
  /** Jobs that stand alone in their items and share id and request id with nothing else of the batch, by what they have in common. */
  readonly alike: Alike;
  /** Others that stand alone. `i`: index of the item. */
  readonly plain: readonly EncodedRow[];
  /** `x`: something within the item has the id or request id of something else. */
  readonly items: readonly { readonly i: number; readonly x: boolean; readonly r: readonly EncodedRow[] }[];
}

interface Alike {
  /** A row without what is each job's own; `n`: so many of the jobs, in their order. */
  readonly shapes: readonly object[];
  readonly jobs: readonly AlikeJob[];
}

interface AlikeJob {
  readonly slot: number;
  readonly index: number;
  readonly id: JobId;
  readonly requestId: string | null;
  readonly offset: number;
  readonly length: number;
}

/** Each shape is a statement; jobs beyond so many go as rows. */
const shapesMax = 8;

export function encodeInserts(bulk: Bulk, inserts: readonly InsertItem[]): EncodedInserts {
  const repeated = repeatedIds(inserts);
  const shapes = new Map<string, { readonly order: string; readonly shape: object; readonly jobs: AlikeJob[] }>();
  const plain: EncodedRow[] = [];
  const items: EncodedInserts["items"][number][] = [];
  for (const [index, { trees }] of inserts.entries()) {
    const overlaps = repeated.size > 0 && trees.some((tree) => idsOf(tree).some((id) => repeated.has(id)));
    const rows = trees.flatMap((tree, place) => encodeTree(bulk, tree, place));
    const [only] = rows;
    const root = trees[0]?.root;
    if (only === undefined || root === undefined || rows.length > 1 || overlaps) {
      items.push({ i: index, x: overlaps, r: rows });
      continue;
    }
    const { s: slot, id: _id, rq: _rq, o: offset, z: length, t: _t, ...shape } = only;
    const key = JSON.stringify(shape);
    const known = shapes.get(key);
    if (root.payload.type === groupType || (known === undefined && shapes.size === shapesMax)) {
      plain.push({ ...only, i: index });
      continue;
    }
    const job = { slot, index, id: root.id, requestId: root.requestId ?? null, offset, length };
    if (known === undefined)
      shapes.set(key, { order: `${root.queue} ${root.payload.type} ${key}`, shape, jobs: [job] });
    else known.jobs.push(job);
  }
  // In one order for all: brokers that insert the same ids at once wait for one another, not crosswise.
  const inOrder = [...shapes.values()].sort((left, right) => (left.order < right.order ? -1 : 1));
  const alike = {
    shapes: inOrder.map(({ shape, jobs }) => ({ ...shape, n: jobs.length })),
    jobs: inOrder.flatMap(({ jobs }) => jobs),
  };
  return { alike, plain, items };
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
