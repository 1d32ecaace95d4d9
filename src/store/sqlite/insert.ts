import type { NewTree } from "../../core/job.ts";
import { groupType, type JobId } from "../../core/names.ts";
import { Hold, State } from "../codes.ts";
import type { InsertAnswer, InsertItem } from "../commit.ts";
import { acceptRun } from "./accept-run.ts";
import { addToBarrier } from "./barrier.ts";
import { loadJob } from "./job-row.ts";
import { insertNode, insertRoot, metadataText, type NodePlace } from "./new-row.ts";
import { findRepeats, holderOf, refusalBy } from "./repeat.ts";
import type { Step } from "./step.ts";

interface InsertedRoot {
  readonly id: JobId;
  readonly deduplicated: boolean;
}

/** Inserts the trees of one item together or not at all: what stands in the way is found before the first row is written. */
export function insert(step: Step, item: InsertItem): InsertAnswer {
  const [first] = item.trees;
  if (first !== undefined && item.trees.length === 1 && first.nodes.length === 0) return insertPlain(step, first);
  const repeats = findRepeats(step, item.trees);
  if ("kind" in repeats) return repeats;
  return { kind: "inserted", roots: item.trees.map((tree, index) => insertTree(step, tree, repeats[index])) };
}

/** The usual case: the insert itself finds out whether the job is new. A repeat must not make a queue, so a new lane asks first. */
function insertPlain(step: Step, tree: NewTree): InsertAnswer {
  const { root } = tree;
  const isKnownLane = step.mirror.lanesOf(root.queue)?.has(root.payload.type) === true;
  const asks = !isKnownLane || step.mirror.remembers;
  const known = asks ? holderOf(step, root) : undefined;
  const seq = known === undefined ? insertRoot(step, root, 0) : undefined;
  if (seq !== undefined) {
    if (root.payload.type === groupType) beginGroup(step, seq);
    return { kind: "inserted", roots: [{ id: root.id, deduplicated: false }] };
  }
  const holder = known ?? holderOf(step, root);
  if (holder === undefined) throw new Error(`job ${root.id} is neither new nor known`);
  const code = refusalBy(holder);
  if (code !== undefined) return { kind: "refused", index: 0, code, id: holder.id };
  return { kind: "inserted", roots: [{ id: holder.id, deduplicated: true }] };
}

function insertTree(step: Step, tree: NewTree, repeated: JobId | undefined): InsertedRoot {
  if (repeated !== undefined) return { id: repeated, deduplicated: true };
  const seq = insertRoot(step, tree.root, tree.nodes.length > 0 ? 1 : 0);
  if (seq === undefined) throw new Error(`job ${tree.root.id} is neither new nor known`);
  if (tree.nodes.length > 0) insertNodes(step, tree, seq);
  if (tree.root.payload.type === groupType) beginGroup(step, seq);
  return { id: tree.root.id, deduplicated: false };
}

function insertNodes(step: Step, tree: NewTree, root: number): void {
  const below = [tree.root, ...tree.nodes].map(() => ({ children: 0, heirs: 0, placed: 0 }));
  for (const { parentIndex, edge } of tree.nodes) {
    const counts = at(below, parentIndex);
    if (edge.role === "CHILD") counts.children += 1;
    else counts.heirs += 1;
  }
  const metadata = metadataText(tree.root.metadata);
  const places: NodePlace[] = [{ seq: root, depth: 0, priority: tree.root.priority ?? 0, metadata }];
  addToBarrier(step, root, { ...at(below, 0), chainNodes: tree.nodes.length + 1 });
  for (const [index, { parentIndex, edge, job }] of tree.nodes.entries()) {
    const parent = at(places, parentIndex);
    const siblings = at(below, parentIndex);
    const own = at(below, index + 1);
    const hasBelow = own.children + own.heirs > 0;
    const hold = edge.role === "CHILD" ? Hold.PARENT : Hold.BARRIER;
    const place = insertNode(step, { edge, job, parent, root, position: siblings.placed, hold, hasBelow });
    siblings.placed += 1;
    if (hasBelow) addToBarrier(step, place.seq, { ...own, chainNodes: 0 });
    places.push(place);
  }
}

/** A group has no work of its own: once due, its run counts as accepted. */
function beginGroup(step: Step, seq: number): void {
  const row = loadJob(step, seq);
  if (row !== undefined && row.state === State.READY) acceptRun(step, row);
}

function at<Item>(list: readonly Item[], index: number): Item {
  const item = list[index];
  if (item === undefined) throw new Error("a tree names parents before their children");
  return item;
}
