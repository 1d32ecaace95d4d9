import type { NewTree } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { InsertAnswer, InsertItem } from "../commit.ts";
import type { LaneTable } from "./lane-table.ts";
import { listOf, numberOf, type Packable, textOf, type Unpacked } from "./msgpack.ts";
import { packNode, packRoot } from "./new-job.ts";

/** Items as `lua/insert.lua` takes them: plain jobs, the most of them, without a list of their own. */
export function packInserts(items: readonly InsertItem[], lanes: LaneTable): Packable {
  const flat: Packable[] = [];
  for (const { trees } of items) {
    const [first] = trees;
    if (first !== undefined && trees.length === 1 && first.nodes.length === 0)
      flat.push(...packRoot(first.root, lanes));
    else flat.push(trees.map((tree) => packTree(tree, lanes)));
  }
  return flat;
}

function packTree({ root, nodes }: NewTree, lanes: LaneTable): Packable {
  if (nodes.length === 0) return [packRoot(root, lanes), false];
  return [packRoot(root, lanes), nodes.map((node) => packNode(node, lanes, node.parentIndex))];
}

export function readInserted({ trees }: InsertItem, answer: Unpacked | undefined): InsertAnswer {
  if (answer === true) {
    return { kind: "inserted", roots: trees.map(({ root }) => ({ id: root.id, deduplicated: false })) };
  }
  const [kind, second, code, id] = listOf(answer);
  if (kind === 1) {
    return {
      kind: "refused",
      index: numberOf(second),
      code: code === 1 ? "JOB_ID_EXISTS" : "REQUEST_ID_REUSED",
      id: textOf(id) as JobId,
    };
  }
  const repeated = listOf(second);
  return {
    kind: "inserted",
    roots: trees.map(({ root }, index) => {
      const known = repeated[index];
      return known === false || known === undefined
        ? { id: root.id, deduplicated: false }
        : { id: textOf(known) as JobId, deduplicated: true };
    }),
  };
}
