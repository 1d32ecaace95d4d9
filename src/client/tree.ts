import type { Message } from "@bufbuild/protobuf";
import type { Declaration, TreeNode as WireTreeNode } from "../../gen/conveyor/v1/job_pb.ts";
import type { JobTree } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import type { FailurePolicy, Trigger } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import { policyToWire, roleToWire, triggerToWire } from "../wire/enums.ts";
import { invalidField } from "../wire/invalid-field.ts";
import { jobSpecBytes, jobSpecOf } from "../wire/job-spec.ts";
import type { TypeLookup } from "../wire/job-type.ts";
import { wordToWire } from "../wire/word-to-wire.ts";
import type { JobDraft } from "./job-draft.ts";

/** A job with everything below it; the whole is enqueued at once or not at all. `Result` is what its root gives. */
export interface TreeDraft<Result extends Message | undefined = Message | undefined> {
  readonly job: JobDraft<Result>;
  readonly children?: readonly ChildDraft[] | undefined;
  readonly heirs?: readonly HeirDraft<Result>[] | undefined;
}

/** Runs once its parent's own run was accepted. */
export interface ChildDraft extends TreeDraft {
  /** Unique among the nodes below its parent. */
  readonly key?: string | undefined;
  /** What its bad end means for its parent; FAIL when left out. */
  readonly policy?: FailurePolicy | undefined;
}

/** Runs once all children of its parent are terminal. */
export type HeirDraft<ParentResult extends Message | undefined = Message | undefined> = HeirPlace &
  (
    | (TreeDraft & { readonly asResult?: false | undefined })
    /** Its result becomes its parent's; at most one heir, of the same result type. */
    | (TreeDraft<ParentResult> & { readonly asResult: boolean })
  );

interface HeirPlace {
  readonly key?: string | undefined;
  readonly policy?: Exclude<FailurePolicy, "FAIL_FAST"> | undefined;
  /** SUCCEEDED when left out. */
  readonly trigger?: Trigger | undefined;
}

/** A tree on the wire: its nodes, parents first, level by level. */
export interface FlatTree {
  readonly tree: JobTree;
  readonly bytes: number;
}

interface Pending {
  readonly draft: TreeDraft & { readonly key?: string | undefined };
  readonly parent: number | undefined;
  readonly node: Omit<Declaration, "$typeName" | "job" | "key">;
}

/** Flattens a tree whose root is named `rootId`. Without recursion: a tree may be as deep as memory allows, the broker says where the limit is. */
export function flattenTree(
  root: TreeDraft,
  options: { readonly rootId: string | undefined; readonly typeOf: TypeLookup },
): FlatTree {
  const nodes: WireTreeNode[] = [];
  const pending: Pending[] = [{ draft: root, parent: undefined, node: rootNode }];
  let bytes = 0;
  for (const { draft, parent, node } of pending) {
    const index = nodes.length;
    if (index >= limits.treeNodesMax) throw tooLarge();
    if (draft.job?.type === undefined) throw noJob(index);
    const name = parent === undefined ? { id: options.rootId, requestId: draft.job.options.requestId } : unnamed(draft);
    const { type, init } = draft.job;
    const job = jobSpecOf(options.typeOf(type, draft.job.options.result), init, draft.job.options, name);
    bytes += jobSpecBytes(job) + 32;
    const placed = parent === undefined ? {} : { parentIndex: parent };
    nodes.push({
      $typeName: "conveyor.v1.TreeNode",
      ...placed,
      node: { $typeName: "conveyor.v1.Declaration", ...node, key: draft.key ?? "", job },
    });
    for (const child of draft.children ?? []) pending.push({ draft: child, parent: index, node: childNode(child) });
    for (const heir of draft.heirs ?? []) pending.push({ draft: heir, parent: index, node: heirNode(heir) });
  }
  return { tree: { $typeName: "conveyor.v1.JobTree", nodes }, bytes };
}

function unnamed({ job: { options } }: TreeDraft): Record<string, never> {
  if (options.id === undefined && options.requestId === undefined) return {};
  throw invalidField("TREE_INVALID", "id", "only the root of a tree has an id or request id of the caller's; use key");
}

const rootNode: Pending["node"] = { role: 0, policy: 0, trigger: 0, asResult: false };

function childNode({ policy }: ChildDraft): Pending["node"] {
  return {
    role: roleToWire.CHILD,
    policy: policy === undefined ? 0 : wordToWire(policyToWire, policy, "policy"),
    trigger: 0,
    asResult: false,
  };
}

function heirNode({ policy, trigger, asResult = false }: HeirDraft): Pending["node"] {
  return {
    role: roleToWire.HEIR,
    policy: policy === undefined ? 0 : wordToWire(policyToWire, policy, "policy"),
    trigger: trigger === undefined ? 0 : wordToWire(triggerToWire, trigger, "trigger"),
    asResult,
  };
}

function tooLarge(): ConveyorError {
  return new ConveyorError(
    "TREE_INVALID",
    `a tree that is enqueued whole has at most ${limits.treeNodesMax} nodes; let handlers declare the rest`,
  );
}

function noJob(index: number): ConveyorError {
  return new ConveyorError("TREE_INVALID", `node ${index} of the tree has no job; write { job: job(Schema, { … }) }`);
}
