import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  DeclarationSchema,
  FailurePolicy,
  JobRole,
  type TreeNodeSchema,
  Trigger,
} from "../../gen/conveyor/v1/job_pb.ts";
import { JobTreeSchema } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { ErrorCode } from "../../src/core/errors.ts";
import { limits } from "../../src/core/limits.ts";
import { parseTypeName } from "../../src/core/names.ts";
import { declarationsToNodes, treeToDomain } from "../../src/wire/nodes.ts";
import { specOf, specSource } from "./spec-source.ts";
import { throwsCode } from "./throws-code.ts";

type NodeInit = MessageInitShape<typeof TreeNodeSchema>;
type DeclarationInit = MessageInitShape<typeof DeclarationSchema>;

const job = (type = "shop.v1.Chore") => specOf(type);
const child = (init: DeclarationInit = {}): DeclarationInit => ({ role: JobRole.CHILD, job: job(), ...init });
const heir = (init: DeclarationInit = {}): DeclarationInit => ({ role: JobRole.HEIR, job: job(), ...init });
const root: NodeInit = { node: { job: job() } };
const below = (parentIndex: number, node: DeclarationInit): NodeInit => ({ parentIndex, node });

const tree = (...nodes: NodeInit[]) =>
  treeToDomain(create(JobTreeSchema, { nodes }), { ...specSource(), path: "items[0].tree" });
const declared = (declarations: readonly DeclarationInit[], parent?: string) =>
  declarationsToNodes(
    declarations.map((each) => create(DeclarationSchema, each)),
    parent === undefined ? undefined : parseTypeName(parent),
    { ...specSource(), path: "declarations" },
  );

test("tree / a flat list becomes a root with its nodes in order", () => {
  const { root: top, nodes } = tree(
    { node: { job: specOf("conveyor.v1.Group", { id: "chosen", requestId: "r" }) } },
    below(0, child({ key: "one", policy: FailurePolicy.FAIL_FAST })),
    below(1, child({ policy: FailurePolicy.IGNORE })),
    below(0, heir({ trigger: Trigger.SETTLED, asResult: true, key: "end" })),
  );
  assert.deepEqual([top.id, top.requestId], ["chosen", "r"]);
  assert.deepEqual(
    nodes.map(({ parentIndex, edge, job: { id } }) => ({ parentIndex, id, ...edge })),
    [
      {
        parentIndex: 0,
        id: "minted-1",
        role: "CHILD",
        key: "one",
        policy: "FAIL_FAST",
        trigger: "SUCCEEDED",
        asResult: false,
      },
      {
        parentIndex: 1,
        id: "minted-2",
        role: "CHILD",
        key: "",
        policy: "IGNORE",
        trigger: "SUCCEEDED",
        asResult: false,
      },
      { parentIndex: 0, id: "minted-3", role: "HEIR", key: "end", policy: "FAIL", trigger: "SETTLED", asResult: true },
    ],
  );
});

test("tree / a root alone is a tree", () => {
  assert.deepEqual(tree(root).nodes, []);
});

const wrongTrees: readonly (readonly [what: string, nodes: readonly NodeInit[], code: ErrorCode, path: string])[] = [
  ["no node", [], "TREE_INVALID", "items[0].tree"],
  ["a root with a parent", [{ parentIndex: 0, ...root }], "TREE_INVALID", "items[0].tree.nodes[0].parent_index"],
  ["a root without a job", [{}], "TREE_INVALID", "items[0].tree.nodes[0].node.job"],
  ["a root that is a child", [{ node: child() }], "TREE_INVALID", "items[0].tree.nodes[0].node.role"],
  ["a root with a key", [{ node: { job: job(), key: "k" } }], "TREE_INVALID", "items[0].tree.nodes[0].node"],
  ["a second root", [root, root], "TREE_INVALID", "items[0].tree.nodes[1].parent_index"],
  [
    "a node before its parent",
    [root, below(2, child()), below(0, child())],
    "TREE_INVALID",
    "items[0].tree.nodes[1].parent_index",
  ],
  ["a node that is its own parent", [root, below(1, child())], "TREE_INVALID", "items[0].tree.nodes[1].parent_index"],
  ["an empty node", [root, { parentIndex: 0 }], "TREE_INVALID", "items[0].tree.nodes[1].node"],
  [
    "a node without a job",
    [root, below(0, { role: JobRole.CHILD })],
    "TREE_INVALID",
    "items[0].tree.nodes[1].node.job",
  ],
  ["a node without a role", [root, below(0, { job: job() })], "TREE_INVALID", "items[0].tree.nodes[1].node.role"],
  [
    "a node that is a root",
    [root, below(0, child({ role: JobRole.ROOT }))],
    "TREE_INVALID",
    "items[0].tree.nodes[1].node.role",
  ],
  [
    "an unknown role",
    [root, below(0, child({ role: 7 as JobRole }))],
    "INVALID_OPTION",
    "items[0].tree.nodes[1].node.role",
  ],
  [
    "an unknown policy",
    [root, below(0, child({ policy: 7 as FailurePolicy }))],
    "INVALID_OPTION",
    "items[0].tree.nodes[1].node.policy",
  ],
  [
    "an unknown trigger",
    [root, below(0, heir({ trigger: 7 as Trigger }))],
    "INVALID_OPTION",
    "items[0].tree.nodes[1].node.trigger",
  ],
  [
    "a key with a line break",
    [root, below(0, child({ key: "a\n" }))],
    "INVALID_NAME",
    "items[0].tree.nodes[1].node.key",
  ],
  [
    "one key twice",
    [root, below(0, child({ key: "k" })), below(0, child({ key: "k" }))],
    "DUPLICATE_KEY",
    "items[0].tree.nodes[2].node.key",
  ],
  [
    "an id below the root",
    [root, below(0, child({ job: specOf("a.B", { id: "x" }) }))],
    "INVALID_OPTION",
    "items[0].tree.nodes[1].node.job.id",
  ],
  [
    "a child with a trigger",
    [root, below(0, child({ trigger: Trigger.SETTLED }))],
    "TREE_INVALID",
    "items[0].tree.nodes[1].node.trigger",
  ],
  [
    "a child as result",
    [root, below(0, child({ asResult: true }))],
    "TREE_INVALID",
    "items[0].tree.nodes[1].node.as_result",
  ],
  [
    "an heir that fails fast",
    [root, below(0, heir({ policy: FailurePolicy.FAIL_FAST }))],
    "TREE_INVALID",
    "items[0].tree.nodes[1].node.policy",
  ],
  [
    "17 heirs",
    [root, ...Array.from({ length: 17 }, () => below(0, heir()))],
    "TOO_MANY_HEIRS",
    "items[0].tree.nodes[17].node",
  ],
];

test("tree / what is wrong is refused with its code and the path of its node", () => {
  for (const [what, nodes, code, path] of wrongTrees) {
    const error = throwsCode(code, () => tree(...nodes));
    assert.equal(error.details.fields?.[0]?.path, path, what);
  }
});

test("tree / more than 10,000 nodes are CHAIN_TOO_LARGE, 65 levels CHAIN_TOO_DEEP", () => {
  const wide = Array.from({ length: limits.treeNodesMax }, () => below(0, child()));
  throwsCode("CHAIN_TOO_LARGE", () => tree(root, ...wide));
  assert.equal(tree(root, ...wide.slice(1)).nodes.length, limits.treeNodesMax - 1);
  const deep = Array.from({ length: limits.depthMax + 1 }, (_, index) => below(index, child()));
  throwsCode("CHAIN_TOO_DEEP", () => tree(root, ...deep));
  assert.equal(tree(root, ...deep.slice(1).map((node, index) => ({ ...node, parentIndex: index }))).nodes.length, 64);
});

test("tree / an as_result heir has the result of its parent's type", () => {
  const album = { node: { job: job("shop.v1.MakeAlbum") } };
  tree(album, below(0, heir({ asResult: true, job: job("shop.v1.PublishAlbum") })));
  const error = throwsCode("RESULT_TYPE_MISMATCH", () =>
    tree(album, below(0, heir({ asResult: true, job: job("shop.v1.SendEmail") }))),
  );
  assert.equal(error.details.fields?.[0]?.path, "items[0].tree.nodes[1].node.as_result");
  throwsCode("RESULT_TYPE_MISMATCH", () => tree(album, below(0, heir({ asResult: true }))));
  tree(album, below(0, heir({ asResult: true, job: job("unknown.v1.Type") })));
  tree({ node: { job: job("unknown.v1.Type") } }, below(0, heir({ asResult: true, job: job("shop.v1.SendEmail") })));
  tree({ node: { job: job("conveyor.v1.Group") } }, below(0, heir({ asResult: true, job: job("shop.v1.SendEmail") })));
});

test("tree / type defaults say the result of a type that the broker does not know", () => {
  const mine = (type: string, result: string) => specOf(type, { typeDefaults: { result } });
  tree({ node: { job: mine("my.Parent", "my.R") } }, below(0, heir({ asResult: true, job: mine("my.Heir", "my.R") })));
  throwsCode("RESULT_TYPE_MISMATCH", () =>
    tree(
      { node: { job: mine("my.Parent", "my.R") } },
      below(0, heir({ asResult: true, job: mine("my.Heir", "my.S") })),
    ),
  );
});

test("declarations / they become nodes in order, each problem with its index", () => {
  const nodes = declared([child({ key: "a" }), heir({ trigger: Trigger.ANY_FAILED })]);
  assert.deepEqual(
    nodes.map(({ edge }) => [edge.role, edge.key, edge.trigger]),
    [
      ["CHILD", "a", "SUCCEEDED"],
      ["HEIR", "", "ANY_FAILED"],
    ],
  );
  assert.deepEqual(declared([]), []);
  const error = throwsCode("INVALID_NAME", () => declared([child(), child({ job: specOf("a.B", { queue: "?" }) })]));
  assert.equal(error.details.fields?.[0]?.path, "declarations[1].job.queue");
  throwsCode("DUPLICATE_KEY", () => declared([child({ key: "a" }), heir({ key: "a" })]));
  throwsCode("TREE_INVALID", () => declared([heir({ asResult: true }), heir({ asResult: true })]));
});

test("declarations / more than 2,000 are TOO_MANY_CHILDREN", () => {
  throwsCode("TOO_MANY_CHILDREN", () => declared(Array.from({ length: limits.declarationsMax + 1 }, () => child())));
  assert.equal(declared(Array.from({ length: limits.declarationsMax }, () => child())).length, limits.declarationsMax);
});

test("declarations / an as_result heir has the result of the job that declares it", () => {
  const publish = heir({ asResult: true, job: job("shop.v1.PublishAlbum") });
  declared([publish], "shop.v1.MakeAlbum");
  declared([publish]);
  declared([publish], "unknown.v1.Type");
  const error = throwsCode("RESULT_TYPE_MISMATCH", () => declared([child(), publish], "shop.v1.SendEmail"));
  assert.equal(error.details.fields?.[0]?.path, "declarations[1].as_result");
});
