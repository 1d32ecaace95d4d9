import type { Edge, NewJob, NewNode, NewTree, TreeNode } from "../../../src/core/job.ts";
import type { JobId } from "../../../src/core/names.ts";
import { defaultQueue, parseJobId, parseTypeName } from "../../../src/core/names.ts";

export const plainType = parseTypeName("test.v1.Plain");

/** A job with defaults for everything but its id. */
export function newJob(id: string, overrides: Partial<NewJob> = {}): NewJob {
  return {
    id: parseJobId(id),
    payload: { type: plainType, bytes: new TextEncoder().encode(`payload of ${id}`) },
    queue: defaultQueue,
    start: { kind: "now" },
    schemaId: "",
    principal: "",
    ...overrides,
  };
}

function newEdge(overrides: Partial<Edge> = {}): Edge {
  return { role: "CHILD", key: "", policy: "FAIL", trigger: "SUCCEEDED", asResult: false, ...overrides };
}

export function child(id: string, edge: Partial<Edge> = {}, job: Partial<NewJob> = {}): NewNode {
  return { edge: newEdge(edge), job: newJob(id, job) };
}

export function heir(id: string, edge: Partial<Edge> = {}, job: Partial<NewJob> = {}): NewNode {
  return child(id, { role: "HEIR", ...edge }, job);
}

export function below(parentIndex: number, node: NewNode): TreeNode {
  return { ...node, parentIndex };
}

export function treeOf(root: NewJob, ...nodes: readonly TreeNode[]): NewTree {
  return { root, nodes };
}

export function jobId(id: string): JobId {
  return parseJobId(id);
}
