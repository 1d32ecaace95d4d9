import assert from "node:assert/strict";
import { test } from "node:test";
import { declarationProblem } from "../../src/core/declarations.ts";
import type { NewNode } from "../../src/core/job.ts";
import { limits } from "../../src/core/limits.ts";
import { child, heir } from "./world/jobs.ts";

const parent = { depth: 0, chainNodes: 1, edges: [] };
const many = (count: number, node: (id: string) => NewNode) => Array.from({ length: count }, (_, i) => node(`n${i}`));
const edges = (...nodes: readonly NewNode[]) => nodes.map((node) => node.edge);

test("declarations / what fits beside what stands already passes, up to each limit", () => {
  assert.equal(declarationProblem(parent, [child("a"), heir("b")]), undefined);
  assert.equal(declarationProblem({ ...parent, depth: limits.depthMax }, []), undefined);
  assert.equal(declarationProblem({ ...parent, depth: limits.depthMax - 1 }, [child("a")]), undefined);
  assert.equal(declarationProblem({ ...parent, chainNodes: limits.chainNodesMax - 1 }, [child("a")]), undefined);
  assert.equal(declarationProblem(parent, many(limits.declarationsMax, child)), undefined);
  const standing = { ...parent, edges: edges(...many(limits.heirsMax - 1, heir)) };
  assert.equal(declarationProblem(standing, [heir("last", { asResult: true })]), undefined);
});

test("declarations / what stands already counts against depth, chain, heirs, keys and results", () => {
  assert.equal(declarationProblem({ ...parent, depth: limits.depthMax }, [child("a")]), "CHAIN_TOO_DEEP");
  assert.equal(declarationProblem({ ...parent, chainNodes: limits.chainNodesMax }, [child("a")]), "CHAIN_TOO_LARGE");
  assert.equal(declarationProblem(parent, many(limits.declarationsMax + 1, child)), "TOO_MANY_CHILDREN");
  const full = { ...parent, edges: edges(...many(limits.heirsMax, heir)) };
  assert.equal(declarationProblem(full, [heir("more")]), "TOO_MANY_HEIRS");
  assert.equal(declarationProblem(full, [child("more")]), undefined);
  const keyed = { ...parent, edges: edges(child("a", { key: "k" })) };
  assert.equal(declarationProblem(keyed, [heir("b", { key: "k" })]), "DUPLICATE_KEY");
  const given = { ...parent, edges: edges(heir("a", { asResult: true })) };
  assert.equal(declarationProblem(given, [heir("b", { asResult: true })]), "TREE_INVALID");
});

test("declarations / of several problems the first in the fixed order is told", () => {
  const nodes = [...many(limits.heirsMax + 1, (id) => heir(id, { key: "k", asResult: true }))];
  assert.equal(declarationProblem(parent, nodes), "TOO_MANY_HEIRS");
  assert.equal(declarationProblem(parent, nodes.slice(0, 2)), "DUPLICATE_KEY");
  assert.equal(declarationProblem({ ...parent, depth: limits.depthMax }, nodes), "CHAIN_TOO_DEEP");
});

test("declarations / what was staged counts as what is declared does, and children of all together at most 100,000 (57)", () => {
  const staged = edges(...many(limits.childrenMax - 1, child));
  assert.equal(declarationProblem({ ...parent, staged }, []), undefined);
  assert.equal(declarationProblem({ ...parent, staged }, [child("last"), heir("h")]), undefined);
  assert.equal(declarationProblem({ ...parent, staged }, [child("last"), child("more")]), "TOO_MANY_CHILDREN");
  const standing = { ...parent, edges: edges(child("a"), child("b")), staged };
  assert.equal(declarationProblem(standing, []), "TOO_MANY_CHILDREN");
  const one = { ...parent, staged: edges(child("a", { key: "k" })) };
  assert.equal(declarationProblem({ ...one, depth: limits.depthMax }, []), "CHAIN_TOO_DEEP");
  assert.equal(declarationProblem({ ...one, chainNodes: limits.chainNodesMax }, []), "CHAIN_TOO_LARGE");
  assert.equal(declarationProblem(one, [heir("b", { key: "k" })]), "DUPLICATE_KEY");
});
