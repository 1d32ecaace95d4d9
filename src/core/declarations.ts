import type { StorabilityProblem } from "./error-text.ts";
import type { JobRole } from "./job.ts";
import { limits } from "./limits.ts";

/** What matters of an edge here. */
export interface DeclaredEdge {
  readonly role: JobRole;
  readonly key: string;
  readonly asResult: boolean;
}

/** What stands already where a success would add its nodes. */
export interface DeclaringParent {
  readonly depth: number;
  /** Jobs of the whole chain. */
  readonly chainNodes: number;
  /** Edges of the nodes that are below the parent already. */
  readonly edges: readonly DeclaredEdge[];
  /** Edges of what was staged under the lease; none when left out. */
  readonly staged?: readonly DeclaredEdge[] | undefined;
}

/** The first reason, in a fixed order, why the declared nodes cannot be stored; undefined: they can. */
export function declarationProblem(
  parent: DeclaringParent,
  declared: readonly { readonly edge: DeclaredEdge }[],
): StorabilityProblem | undefined {
  const added = [...(parent.staged ?? []), ...declared.map((node) => node.edge)];
  if (added.length === 0) return undefined;
  const edges = [...parent.edges, ...added];
  const keys = edges.map((edge) => edge.key).filter((key) => key !== "");
  const heirs = edges.filter((edge) => edge.role === "HEIR").length;
  if (parent.depth + 1 > limits.depthMax) return "CHAIN_TOO_DEEP";
  if (parent.chainNodes + added.length > limits.chainNodesMax) return "CHAIN_TOO_LARGE";
  if (declared.length > limits.declarationsMax || edges.length - heirs > limits.childrenMax) return "TOO_MANY_CHILDREN";
  if (heirs > limits.heirsMax) return "TOO_MANY_HEIRS";
  if (new Set(keys).size < keys.length) return "DUPLICATE_KEY";
  if (edges.filter((edge) => edge.asResult).length > 1) return "TREE_INVALID";
  return undefined;
}
