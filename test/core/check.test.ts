import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { checkDeclarations, checkTree } from "../../src/core/check.ts";
import { type ErrorCode, isConveyorError } from "../../src/core/errors.ts";
import type { NewNode, NewTree } from "../../src/core/job.ts";
import { limits } from "../../src/core/limits.ts";
import { groupType, parseTypeName } from "../../src/core/names.ts";
import { below, child, heir, newJob, treeOf } from "./world/jobs.ts";

const root = newJob("root");
const type = parseTypeName("test.v1.Plain");
const sized = (bytes: number) => ({ payload: { type, bytes: new Uint8Array(bytes) } });
const many = (count: number, node: (index: number) => NewNode) => Array.from({ length: count }, (_, i) => node(i));

function refused(check: () => void, code: ErrorCode, path: string): void {
  assert.throws(check, (error) => {
    assert.ok(isConveyorError(error));
    assert.equal(error.code, code);
    assert.deepEqual(
      error.details.fields?.map((field) => field.path),
      [path],
    );
    assert.ok(error.message.startsWith(`${path}: `), error.message);
    return true;
  });
}

const treeRefused = (tree: NewTree, code: ErrorCode, path: string) =>
  refused(() => checkTree(tree, "tree"), code, path);
const nodesRefused = (nodes: readonly NewNode[], code: ErrorCode, path: string) =>
  refused(() => checkDeclarations(nodes, "declarations"), code, path);

test("check / a good tree and good declarations pass", () => {
  const nodes = [
    below(0, child("a", { key: "x" })),
    below(1, child("b", { key: "x" })),
    below(0, heir("c", { key: "y" })),
  ];
  checkTree(treeOf(root, ...nodes), "tree");
  checkTree(treeOf(newJob("root", { payload: { type: groupType, bytes: new Uint8Array() }, requestId: "r" })), "tree");
  checkDeclarations(
    [child("a", { policy: "FAIL_FAST" }), heir("b", { trigger: "SETTLED", asResult: true })],
    "declarations",
  );
  checkDeclarations([], "declarations");
});

test("check / a parent stands before its children", () => {
  for (const parentIndex of [1, 2, -1, 0.5, Number.NaN]) {
    treeRefused(treeOf(root, below(parentIndex, child("a"))), "TREE_INVALID", "tree.nodes[1].parent_index");
  }
});

test("check / what only a root can be is refused below one", () => {
  const group = child("a", {}, { payload: { type: groupType, bytes: new Uint8Array() } });
  treeRefused(treeOf(root, below(0, group)), "TREE_INVALID", "tree.nodes[1].node.job");
  nodesRefused([group], "TREE_INVALID", "declarations[0].job");
  nodesRefused([child("a"), child("b", {}, { requestId: "r" })], "INVALID_OPTION", "declarations[1].job.request_id");
});

test("check / FAIL_FAST heirs, triggers and results of children are refused", () => {
  nodesRefused([heir("a", { policy: "FAIL_FAST" })], "TREE_INVALID", "declarations[0].policy");
  nodesRefused([child("a", { trigger: "SETTLED" })], "TREE_INVALID", "declarations[0].trigger");
  nodesRefused([child("a", { asResult: true })], "TREE_INVALID", "declarations[0].as_result");
  const two = [heir("a", { asResult: true }), heir("b", { asResult: true })];
  nodesRefused(two, "TREE_INVALID", "declarations[1].as_result");
  checkTree(treeOf(root, below(0, child("c")), ...two.map((node, index) => below(index, node))), "tree");
});

test("check / keys are unique within their parent", () => {
  nodesRefused([child("a", { key: "k" }), heir("b", { key: "k" })], "DUPLICATE_KEY", "declarations[1].key");
  checkDeclarations([child("a"), child("b")], "declarations");
});

test("check / one parent has at most 16 heirs", () => {
  const heirs = many(limits.heirsMax + 1, (index) => heir(`h${index}`));
  checkDeclarations(heirs.slice(1), "declarations");
  nodesRefused(heirs, "TOO_MANY_HEIRS", "declarations[16]");
  treeRefused(treeOf(root, ...heirs.map((node) => below(0, node))), "TOO_MANY_HEIRS", "tree.nodes[17].node");
});

test("check / the deepest node of a tree is at 64 (58)", () => {
  const line = many(limits.depthMax + 1, (index) => child(`c${index}`)).map((node, index) => below(index, node));
  checkTree(treeOf(root, ...line.slice(0, limits.depthMax)), "tree");
  treeRefused(treeOf(root, ...line), "CHAIN_TOO_DEEP", "tree.nodes[65]");
});

test("check / trees, declarations and payloads have their sizes", () => {
  const wide = many(limits.treeNodesMax, (index) => child(`c${index}`)).map((node) => below(0, node));
  checkTree(treeOf(root, ...wide.slice(1)), "tree");
  treeRefused(treeOf(root, ...wide), "CHAIN_TOO_LARGE", "tree");
  const declared = many(limits.declarationsMax + 1, (index) => child(`c${index}`));
  checkDeclarations(declared.slice(1), "declarations");
  nodesRefused(declared, "TOO_MANY_CHILDREN", "declarations");
  treeRefused(
    treeOf(newJob("root", sized(limits.payloadBytesMax + 1))),
    "PAYLOAD_TOO_LARGE",
    "tree.nodes[0].node.job.payload",
  );
  const half = limits.declarationBytesMax / 2;
  checkDeclarations([child("a", {}, sized(half)), child("b", {}, sized(half))], "declarations");
  nodesRefused([child("a", {}, sized(half)), child("b", {}, sized(half + 1))], "PAYLOAD_TOO_LARGE", "declarations[1]");
});

test("check / any tree whose parents stand first and that is not too deep passes", () => {
  const parents = fc.array(fc.nat(), { maxLength: 60 });
  fc.assert(
    fc.property(parents, (draws) => {
      const nodes = draws.map((draw, index) => below(draw % (index + 1), child(`c${index}`)));
      checkTree(treeOf(root, ...nodes), "tree");
    }),
  );
});
