import { ConveyorError, type ErrorCode } from "./errors.ts";
import type { NewJob, NewNode, NewTree } from "./job.ts";
import { limits } from "./limits.ts";
import { groupType } from "./names.ts";

/**
 * Checks what can be known of a tree without a store. `path` is where the tree stands in the request.
 * Throws CHAIN_TOO_LARGE, CHAIN_TOO_DEEP, TOO_MANY_HEIRS, DUPLICATE_KEY, TREE_INVALID, INVALID_OPTION or PAYLOAD_TOO_LARGE with the
 * path of the first node that is wrong; `nodes[0]` is the root.
 */
export function checkTree(tree: NewTree, path: string): void {
  const count = tree.nodes.length + 1;
  if (count > limits.treeNodesMax) {
    throw problemAt("CHAIN_TOO_LARGE", path, `it has ${count} nodes, at most ${limits.treeNodesMax} are taken`);
  }
  checkSize(tree.root, `${path}.nodes[0].node.job`);
  const depths = [0];
  const siblings = new Siblings();
  for (const [index, node] of tree.nodes.entries()) {
    const nodePath = `${path}.nodes[${index + 1}]`;
    const parentDepth = depths[node.parentIndex];
    if (parentDepth === undefined) {
      throw problemAt(
        "TREE_INVALID",
        `${nodePath}.parent_index`,
        `the parent stands before its node, got ${node.parentIndex}`,
      );
    }
    if (parentDepth === limits.depthMax) {
      throw problemAt("CHAIN_TOO_DEEP", nodePath, `it lies deeper than ${limits.depthMax} edges below the root`);
    }
    depths.push(parentDepth + 1);
    checkNode(node, `${nodePath}.node`);
    siblings.add(node, { parentIndex: node.parentIndex, path: `${nodePath}.node` });
  }
}

/**
 * Checks what can be known of the jobs that one result declares, without its store; `path` is where their list stands.
 * Throws TOO_MANY_CHILDREN, TOO_MANY_HEIRS, DUPLICATE_KEY, TREE_INVALID, INVALID_OPTION or PAYLOAD_TOO_LARGE with the path of the
 * first that is wrong.
 */
export function checkDeclarations(nodes: readonly NewNode[], path: string): void {
  if (nodes.length > limits.declarationsMax) {
    const problem = `one result declares at most ${limits.declarationsMax} jobs, got ${nodes.length}`;
    throw problemAt("TOO_MANY_CHILDREN", path, problem);
  }
  const siblings = new Siblings();
  let bytes = 0;
  for (const [index, node] of nodes.entries()) {
    const nodePath = `${path}[${index}]`;
    checkNode(node, nodePath);
    siblings.add(node, { parentIndex: 0, path: nodePath });
    bytes += node.job.payload.bytes.length;
    if (bytes > limits.declarationBytesMax) {
      const problem = `one result declares at most ${limits.declarationBytesMax} bytes of payload, and up to here it is ${bytes}`;
      throw problemAt("PAYLOAD_TOO_LARGE", nodePath, problem);
    }
  }
}

/** What one node must hold to, whatever stands beside it. */
function checkNode(node: NewNode, path: string): void {
  const { edge, job } = node;
  checkSize(job, `${path}.job`);
  if (job.payload.type === groupType) {
    throw problemAt("TREE_INVALID", `${path}.job`, `a ${groupType} can only be a root`);
  }
  if (job.requestId !== undefined) {
    throw problemAt("INVALID_OPTION", `${path}.job.request_id`, "only roots choose it; leave it empty below one");
  }
  if (edge.role === "HEIR" && edge.policy === "FAIL_FAST") {
    throw problemAt("TREE_INVALID", `${path}.policy`, "an heir cannot be FAIL_FAST; take FAIL or IGNORE");
  }
  if (edge.role === "CHILD" && edge.trigger !== "SUCCEEDED") {
    throw problemAt("TREE_INVALID", `${path}.trigger`, "only heirs have a trigger; leave it unset for a child");
  }
  if (edge.role === "CHILD" && edge.asResult) {
    throw problemAt("TREE_INVALID", `${path}.as_result`, "only an heir can give its result to the parent");
  }
}

function checkSize(job: NewJob, path: string): void {
  const size = job.payload.bytes.length;
  if (size <= limits.payloadBytesMax) return;
  throw problemAt(
    "PAYLOAD_TOO_LARGE",
    `${path}.payload`,
    `it has ${size} bytes, at most ${limits.payloadBytesMax} are taken`,
  );
}

/** What nodes of one parent must hold to together: unique keys, few heirs, one result. */
class Siblings {
  readonly #keys = new Set<string>();
  readonly #heirs = new Map<number, number>();
  readonly #results = new Set<number>();

  add(node: NewNode, place: { readonly parentIndex: number; readonly path: string }): void {
    const { key, role, asResult } = node.edge;
    const { parentIndex, path } = place;
    const scoped = `${parentIndex} ${key}`;
    if (key !== "" && this.#keys.has(scoped)) {
      throw problemAt("DUPLICATE_KEY", `${path}.key`, `${JSON.stringify(key)} is used twice below one parent`);
    }
    this.#keys.add(scoped);
    if (role !== "HEIR") return;
    const heirs = (this.#heirs.get(parentIndex) ?? 0) + 1;
    this.#heirs.set(parentIndex, heirs);
    if (heirs > limits.heirsMax)
      throw problemAt("TOO_MANY_HEIRS", path, `one job has at most ${limits.heirsMax} heirs`);
    if (!asResult) return;
    if (this.#results.has(parentIndex)) {
      throw problemAt("TREE_INVALID", `${path}.as_result`, "at most one heir gives its result to the parent");
    }
    this.#results.add(parentIndex);
  }
}

function problemAt(code: ErrorCode, path: string, problem: string): ConveyorError {
  return new ConveyorError(code, `${path}: ${problem}`, { details: { fields: [{ path, problem }] } });
}
