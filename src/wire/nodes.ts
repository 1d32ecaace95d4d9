import type { Declaration, JobSpec, TreeNode as WireTreeNode } from "../../gen/conveyor/v1/job_pb.ts";
import type { JobTree } from "../../gen/conveyor/v1/job_service_pb.ts";
import { checkDeclarations, checkTree } from "../core/check.ts";
import type { Edge, NewJob, NewNode, NewTree, TreeNode } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import { parsePrintable, type TypeName } from "../core/names.ts";
import { policyFromWire, roleFromWire, triggerFromWire } from "./enums.ts";
import { checkInheritedResult } from "./inherited-result.ts";
import { invalidField } from "./invalid-field.ts";
import { type SpecSource, specToJob, typeOptionsOf } from "./spec-to-job.ts";

/** Where a list of nodes stands in the request, for the paths in errors. */
export interface NodeContext extends SpecSource {
  readonly path: string;
}

/**
 * A tree to be inserted from its flat list, checked node by node and as a whole (`checkTree`): what is wrong throws with the index
 * of its node in the path.
 */
export function treeToDomain(tree: JobTree, context: NodeContext): NewTree {
  const { path } = context;
  const [first, ...rest] = tree.nodes;
  if (first === undefined) throw invalidField("TREE_INVALID", path, "a tree has at least its root");
  if (tree.nodes.length > limits.treeNodesMax) {
    const problem = `it has ${tree.nodes.length} nodes, at most ${limits.treeNodesMax} are taken`;
    throw invalidField("CHAIN_TOO_LARGE", path, problem);
  }
  const root = rootOf(first, { ...context, path: `${path}.nodes[0]` });
  const nodes = rest.map((each, index) => nodeOf(each, { ...context, path: `${path}.nodes[${index + 1}]` }));
  const checked = { root, nodes };
  checkTree(checked, path);
  checkResultsOf(tree, checked, context);
  return checked;
}

/**
 * The jobs that a result declares, checked one by one and together (`checkDeclarations`); each with its index in the path.
 * `parent` is the job that declares them, undefined when its type is not known.
 */
export function declarationsToNodes(
  declarations: readonly Declaration[],
  parent: TypeName | undefined,
  context: NodeContext,
): readonly NewNode[] {
  if (declarations.length === 0) return none;
  if (declarations.length > limits.declarationsMax) {
    const problem = `one result declares at most ${limits.declarationsMax} jobs, got ${declarations.length}`;
    throw invalidField("TOO_MANY_CHILDREN", context.path, problem);
  }
  const nodes = declarations.map((declaration, index) => {
    const path = `${context.path}[${index}]`;
    const spec = jobOf(declaration, path);
    const at = { ...context, path: `${path}.job`, isRoot: false };
    const node = { edge: edgeOf(declaration, path), job: specToJob(spec, at) };
    if (node.edge.asResult && parent !== undefined) {
      const type = { type: parent, options: context.typeOptions(parent) };
      checkInheritedResult(type, { type: node.job.payload.type, spec }, { ...at, path });
    }
    return node;
  });
  checkDeclarations(nodes, context.path);
  return nodes;
}

const none: readonly never[] = [];

function rootOf({ parentIndex, node }: WireTreeNode, context: NodeContext): NewJob {
  const { path } = context;
  if (parentIndex !== undefined) {
    throw invalidField("TREE_INVALID", `${path}.parent_index`, "the first node is the root: it has no parent");
  }
  const spec = jobOf(node, `${path}.node`);
  checkRoot(node, `${path}.node`);
  return specToJob(spec, { ...context, path: `${path}.node.job`, isRoot: true });
}

function nodeOf({ parentIndex, node }: WireTreeNode, context: NodeContext): TreeNode {
  const path = `${context.path}.node`;
  if (node === undefined) throw invalidField("TREE_INVALID", path, "it must be set");
  return {
    parentIndex: parentOf(parentIndex, context.path),
    edge: edgeOf(node, path),
    job: specToJob(jobOf(node, path), { ...context, path: `${path}.job`, isRoot: false }),
  };
}

/** Each as_result heir against the type of its parent. */
function checkResultsOf(wire: JobTree, tree: NewTree, context: NodeContext): void {
  const jobs = [tree.root, ...tree.nodes.map((node) => node.job)];
  for (const [index, node] of tree.nodes.entries()) {
    const spec = wire.nodes[index + 1]?.node?.job;
    const parent = jobs[node.parentIndex];
    const parentSpec = wire.nodes[node.parentIndex]?.node?.job;
    if (!node.edge.asResult || !spec || !parent || !parentSpec) continue;
    const at = { ...context, path: `${context.path}.nodes[${index + 1}].node`, isRoot: false };
    const { type } = parent.payload;
    const options = typeOptionsOf(parentSpec, type, at);
    checkInheritedResult({ type, options }, { type: node.job.payload.type, spec }, at);
  }
}

/** That it stands before its node is for `checkTree` to see. */
function parentOf(parentIndex: number | undefined, path: string): number {
  if (parentIndex !== undefined) return parentIndex;
  throw invalidField("TREE_INVALID", `${path}.parent_index`, "only the first node is a root");
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
