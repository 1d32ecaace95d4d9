import type { Declaration, JobSpec } from "../../gen/conveyor/v1/job_pb.ts";
import type { JobTree } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { Edge, NewNode, NewTree, TreeNode } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import { parsePrintable } from "../core/names.ts";
import { policyFromWire, roleFromWire, triggerFromWire } from "./enums.ts";
import { invalidField } from "./invalid-field.ts";
import { type SpecSource, specToJob } from "./spec-to-job.ts";

/** Where a list of nodes stands in the request, for the paths in errors. */
export interface NodeContext extends SpecSource {
  readonly path: string;
}

/**
 * A tree to be inserted from its flat list. Each node is checked by itself here (a bad one throws with its index in the path);
 * the shape of the whole is `checkTree`'s. More than 10,000 nodes are CHAIN_TOO_LARGE, no node or a bad parent TREE_INVALID.
 */
export function treeToDomain(tree: JobTree, context: NodeContext): NewTree {
  const { path } = context;
  const [first, ...rest] = tree.nodes;
  if (first === undefined) throw invalidField("TREE_INVALID", path, "a tree has at least its root");
  if (tree.nodes.length > limits.treeNodesMax) {
    const problem = `it has ${tree.nodes.length} nodes, at most ${limits.treeNodesMax} are taken`;
    throw invalidField("CHAIN_TOO_LARGE", path, problem);
  }
  const rootPath = `${path}.nodes[0]`;
  if (first.parentIndex !== undefined)
    throw invalidField("TREE_INVALID", `${rootPath}.parent_index`, "the first node is the root: it has no parent");
  checkRoot(first.node, `${rootPath}.node`);
  return {
    root: specToJob(jobOf(first.node, rootPath), { ...context, path: `${rootPath}.node.job`, isRoot: true }),
    nodes: rest.map((each, index) => {
      const nodePath = `${path}.nodes[${index + 1}]`;
      return nodeOf(each.node, parentOf(each.parentIndex, index + 1, nodePath), { ...context, path: nodePath });
    }),
  };
}

/** The jobs that a result declares; each checked by itself, with its index in the path. */
export function declarationsToNodes(declarations: readonly Declaration[], context: NodeContext): readonly NewNode[] {
  return declarations.map((declaration, index) => {
    const path = `${context.path}[${index}]`;
    return {
      edge: edgeOf(declaration, path),
      job: specToJob(jobOf(declaration, path), { ...context, path: `${path}.job`, isRoot: false }),
    };
  });
}

function nodeOf(node: Declaration | undefined, parentIndex: number, context: NodeContext): TreeNode {
  const path = `${context.path}.node`;
  const job = specToJob(jobOf(node, context.path), { ...context, path: `${path}.job`, isRoot: false });
  if (node === undefined) throw invalidField("TREE_INVALID", path, "it must be set");
  return { parentIndex, edge: edgeOf(node, path), job };
}

function parentOf(parentIndex: number | undefined, index: number, path: string): number {
  if (parentIndex !== undefined && parentIndex < index) return parentIndex;
  throw invalidField(
    "TREE_INVALID",
    `${path}.parent_index`,
    parentIndex === undefined
      ? "only the first node is a root"
      : `the parent stands before its node, got ${parentIndex}`,
  );
}

function checkRoot(node: Declaration | undefined, path: string): void {
  const role = roleFromWire(node?.role ?? 0, `${path}.role`);
  if (role === "CHILD" || role === "HEIR") throw invalidField("TREE_INVALID", `${path}.role`, `the root is no ${role}`);
  if (node && (node.key !== "" || node.policy !== 0 || node.trigger !== 0 || node.asResult)) {
    throw invalidField(
      "TREE_INVALID",
      path,
      "of the root only the job is set: key, policy, trigger and as_result belong to nodes below it",
    );
  }
}

function edgeOf(node: Declaration, path: string): Edge {
  const role = roleFromWire(node.role, `${path}.role`);
  if (role !== "CHILD" && role !== "HEIR")
    throw invalidField("TREE_INVALID", `${path}.role`, "it must be CHILD or HEIR");
  return {
    role,
    key: node.key === "" ? "" : parsePrintable(node.key, `${path}.key`, "a key"),
    policy: policyFromWire(node.policy, `${path}.policy`) ?? "FAIL",
    trigger: triggerFromWire(node.trigger, `${path}.trigger`) ?? "SUCCEEDED",
    asResult: node.asResult,
  };
}

function jobOf(node: Declaration | undefined, path: string): JobSpec {
  if (node?.job) return node.job;
  throw invalidField("TREE_INVALID", `${path}.job`, "it must be set");
}
