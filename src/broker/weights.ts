import type { NewNode } from "../core/job.ts";
import type { InsertItem, SettleItem } from "../store/commit.ts";

/** How many jobs a result touches: its own and those that it declares. */
export function settleJobs(item: SettleItem): number {
  return 1 + nodesOf(item).length;
}

/** What a result holds in bytes, about: its own, its declared payloads, the texts of its error. */
export function settleBytes(item: SettleItem): number {
  const { outcome } = item;
  const result = outcome.kind === "success" ? (outcome.result?.bytes.length ?? 0) : 0;
  const error = "error" in outcome ? outcome.error : undefined;
  const text = error === undefined ? 0 : error.name.length + error.message.length + error.stack.length;
  return payloadBytes(nodesOf(item), result + text);
}

export function insertJobs(item: InsertItem): number {
  return item.trees.reduce((sum, tree) => sum + 1 + tree.nodes.length, 0);
}

export function insertBytes(item: InsertItem): number {
  return item.trees.reduce((sum, tree) => payloadBytes(tree.nodes, sum + tree.root.payload.bytes.length), 0);
}

/** Bytes of the payloads, on top of `start`. */
export function payloadBytes(nodes: readonly NewNode[], start = 0): number {
  return nodes.reduce((sum, node) => sum + node.job.payload.bytes.length, start);
}

function nodesOf(item: SettleItem): readonly NewNode[] {
  return item.outcome.kind === "success" ? item.outcome.nodes : [];
}
