import type { NewNode, NewTree, Outcome, TreeNode } from "../../../src/core/job.ts";
import { groupType, parseTypeName } from "../../../src/core/names.ts";
import type { SettleItem } from "../../../src/store/commit.ts";
import type { DumpedJob } from "../../../src/store/dump.ts";
import { below, child, heir, newJob, treeOf } from "./jobs.ts";

const resultType = parseTypeName("test.v1.Result");

export type Draw = (below: number) => number;

/** A small generator of numbers below a bound (mulberry32), so that a step is a pure function of its seed. */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

export function settleItem(draw: Draw, { leaseId, staged }: DumpedJob, name: () => string): SettleItem {
  if (leaseId === undefined) throw new Error("only running jobs are settled");
  const drawn = randomOutcome(draw, name);
  const outcome = drawn.kind === "success" && draw(9) > 0 ? { ...drawn, staged } : drawn;
  return { leaseId, outcome, sent: outcome.kind, jitter: draw(100) / 100 };
}

function randomOutcome(draw: Draw, name: () => string): Outcome {
  const error = { name: "Error", message: "broken", stack: "" };
  switch (draw(12)) {
    case 0:
    case 1:
    case 2:
      return { kind: "failure", error, timedOut: draw(2) === 0 };
    case 3:
      return { kind: "discard", error };
    case 4:
      return { kind: "snooze", delayMs: draw(5_000) };
    case 5:
      return { kind: "release" };
    case 6:
      return { kind: "cancel", message: "" };
    case 7:
    case 8:
      return { kind: "success", nodes: randomNodes(draw, 1 + draw(4), name) };
    default:
      return { kind: "success", nodes: [], result: { type: resultType, bytes: new TextEncoder().encode(name()) } };
  }
}

function randomNodes(draw: Draw, count: number, name: () => string): NewNode[] {
  let given = false;
  return Array.from({ length: count }, () => {
    const asResult = !given && draw(3) === 0;
    const node = randomNode(draw, { name: name(), asResult });
    given ||= node.edge.asResult;
    return node;
  });
}

function randomNode(draw: Draw, node: { readonly name: string; readonly asResult: boolean }): NewNode {
  const delayMs = draw(3) === 0 ? draw(5_000) : 0;
  const job = { start: { kind: "after", delayMs } as const, priority: draw(3) };
  if (draw(5) < 3) {
    const policy = (["FAIL", "IGNORE", "FAIL_FAST"] as const)[draw(3)] ?? "FAIL";
    return child(node.name, { policy }, job);
  }
  const policy = draw(3) === 0 ? "IGNORE" : "FAIL";
  const trigger = (["SUCCEEDED", "ANY_FAILED", "SETTLED"] as const)[draw(3)] ?? "SETTLED";
  return heir(node.name, { policy, trigger, asResult: node.asResult }, job);
}

/** A group whose first death cancels siblings that have something below them, in whatever state they are. */
export function fragileTree(draw: Draw, name: () => string): NewTree {
  const group = newJob(name(), { payload: { type: groupType, bytes: new Uint8Array() } });
  const nodes: TreeNode[] = [];
  for (let index = 0; index < 4; index += 1) {
    const start = { kind: "after", delayMs: draw(2) * 4_000 } as const;
    nodes.push(below(0, child(name(), { policy: index < 2 ? "FAIL_FAST" : "FAIL" }, { start })));
    nodes.push(below(nodes.length, randomNode(draw, { name: name(), asResult: false })));
  }
  return treeOf(group, ...nodes);
}

export function randomTree(draw: Draw, name: () => string): NewTree {
  const delayMs = draw(3) === 0 ? draw(5_000) : 0;
  const start = { kind: "after", delayMs } as const;
  const group = draw(2) === 0 ? { payload: { type: groupType, bytes: new Uint8Array() } } : {};
  const results = new Set<number>();
  const nodes: TreeNode[] = [];
  for (let index = draw(7); index > 0; index -= 1) {
    const parentIndex = draw(nodes.length + 1);
    const asResult = !results.has(parentIndex) && draw(3) === 0;
    const node = randomNode(draw, { name: name(), asResult });
    if (node.edge.asResult) results.add(parentIndex);
    nodes.push(below(parentIndex, node));
  }
  return treeOf(newJob(name(), { start, ...group }), ...nodes);
}
