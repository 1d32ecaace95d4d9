import type { InsertAnswer, InsertItem } from "../commit.ts";
import type { Writing } from "./calls.ts";
import type { ShardAnswer } from "./commit-shard.ts";
import { findRepeats, type Reserved, releaseAll } from "./reserve.ts";
import { shardOf } from "./shards.ts";

interface Inserted {
  readonly inserted: readonly InsertAnswer[];
  /** Of each shard. */
  readonly answers: readonly ShardAnswer[];
}

/**
 * Finds the shard of each item and has `commitShards` insert there, with all else that it does on each shard; the answers stand
 * in the order of the items. Request ids are reserved before, on their own shards, and given free for what was refused.
 */
export async function insertOnMany(
  writing: Writing,
  items: readonly InsertItem[],
  commitShards: (inserts: readonly (readonly InsertItem[])[]) => Promise<readonly ShardAnswer[]>,
): Promise<Inserted> {
  const { shards } = writing.connection;
  const reserved = await findRepeats(writing, items);
  const parts: InsertItem[][] = Array.from({ length: shards }, () => []);
  const plans = reserved.map((each) => planOf(each, shards, parts));
  const answers = await commitShards(parts);
  const inserted = plans.map(({ reserved: each, refusal, place }) => {
    if (refusal !== undefined) return refusal;
    const answer = place === undefined ? undefined : answers[place.shard]?.inserted[place.index];
    return answerOf(each, answer);
  });
  await releaseAll(
    writing,
    reserved.flatMap(({ fresh }, index) => (inserted[index]?.kind === "refused" ? fresh : [])),
  );
  return { inserted, answers };
}

interface Plan {
  readonly reserved: Reserved;
  readonly refusal: InsertAnswer | undefined;
  /** Where its answer will be; undefined: nothing is left to insert. */
  readonly place: { readonly shard: number; readonly index: number } | undefined;
}

function planOf(reserved: Reserved, shards: number, parts: readonly InsertItem[][]): Plan {
  if (reserved.refusal !== undefined) return { reserved, refusal: reserved.refusal, place: undefined };
  const [first] = reserved.left;
  if (first === undefined) return { reserved, refusal: undefined, place: undefined };
  const shard = shardOf(first.tree.root.id, shards);
  const elsewhere = reserved.left.find(({ tree }) => shardOf(tree.root.id, shards) !== shard);
  if (elsewhere !== undefined) {
    const { index, tree } = elsewhere;
    const refusal = { kind: "refused", index, code: "ATOMIC_SPANS_SHARDS", id: tree.root.id } as const;
    return { reserved, refusal, place: undefined };
  }
  const part = parts[shard];
  if (part === undefined) throw new Error(`there is no shard ${shard}`);
  part.push({ trees: reserved.left.map(({ tree }) => tree) });
  return { reserved, refusal: undefined, place: { shard, index: part.length - 1 } };
}

/** Puts the answer of a shard and what was known to be a repeat together again. */
function answerOf({ left, repeats }: Reserved, answer: InsertAnswer | undefined): InsertAnswer {
  if (answer?.kind === "refused") return { ...answer, index: left[answer.index]?.index ?? answer.index };
  const roots = new Map(repeats.map(({ index, id }) => [index, { id, deduplicated: true }]));
  for (const [position, { index }] of left.entries()) {
    const root = answer?.kind === "inserted" ? answer.roots[position] : undefined;
    if (root === undefined) throw new Error("a shard answered too few trees");
    roots.set(index, root);
  }
  return { kind: "inserted", roots: [...roots].sort(([one], [other]) => one - other).map(([, root]) => root) };
}
