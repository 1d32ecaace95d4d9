import { JobRole, JobState } from "../../gen/conveyor/v1/job_pb.ts";
import type { ChainNode } from "../../gen/conveyor/v1/job_service_pb.ts";
import { shortType, stateGlyph, stateText, triggerText } from "./job-text.ts";
import { printable, type Terminal } from "./terminal.ts";

/** A node with what is below it, children before heirs. */
interface Branch {
  readonly node: ChainNode;
  readonly below: Branch[];
}

/**
 * The lines of a chain's tree. Like leaves are one line (`HashFile × 812`); an heir hangs below its siblings on a double
 * line, which joins them: it waits for all of them.
 */
export function chainLines(nodes: readonly ChainNode[], terminal: Terminal): readonly string[] {
  const lines: string[] = [];
  for (const root of branches(nodes)) draw(root, { lead: "", below: "", lines, terminal });
  return lines;
}

function branches(nodes: readonly ChainNode[]): readonly Branch[] {
  const byId = new Map<string, Branch>();
  const roots: Branch[] = [];
  for (const node of nodes) {
    const branch: Branch = { node, below: [] };
    const parent = byId.get(node.parentId);
    if (parent === undefined) roots.push(branch);
    else parent.below.push(branch);
    byId.set(node.id, branch);
  }
  return roots;
}

interface Pen {
  /** What stands before the node itself. */
  readonly lead: string;
  /** What stands before everything below it. */
  readonly below: string;
  readonly lines: string[];
  readonly terminal: Terminal;
}

function draw(branch: Branch, { lead, below, lines, terminal }: Pen): void {
  lines.push(`${terminal.paint("dim", lead)}${nodeText(branch.node, terminal)}`);
  const order = [
    ...branch.below.filter(({ node }) => node.role !== JobRole.HEIR),
    ...branch.below.filter(({ node }) => node.role === JobRole.HEIR),
  ];
  for (const [index, next] of order.entries()) {
    const last = index === order.length - 1;
    const heir = next.node.role === JobRole.HEIR;
    const joint = heir ? (last ? "╘═▶ " : "╞═▶ ") : last ? "└── " : "├── ";
    draw(next, { lead: below + joint, below: below + (last ? "    " : "│   "), lines, terminal });
  }
}

function nodeText(node: ChainNode, terminal: Terminal): string {
  const name = terminal.paint("bold", printable(shortType(node.type)));
  const key = node.key === "" ? "" : ` "${printable(node.key)}"`;
  const reason = node.reason === "" ? "" : ` ${printable(node.reason)}`;
  if (node.count > 1) {
    return `${name} × ${node.count.toLocaleString("en-US")} ${stateText(node.state, terminal)}${reason}`;
  }
  const waits = node.role === JobRole.HEIR && node.state === JobState.HELD ? ` when ${triggerText(node.trigger)}` : "";
  const open = node.pendingChildren + node.pendingHeirs;
  const pending =
    node.state === JobState.AWAITING_CHILDREN && open > 0
      ? terminal.paint("dim", ` (${open} open directly below)`)
      : "";
  const id = terminal.paint("dim", printable(node.id));
  return `${name}${key} ${stateText(node.state, terminal)}${reason}${waits}${pending}  ${id}`;
}

/** One line of what a chain consists of: `1,204 jobs: 1,100 completed, 104 ready`. */
export function totalsText(
  totals: readonly { readonly state: number; readonly count: bigint }[],
  terminal: Terminal,
): string {
  const all = totals.reduce((sum, { count }) => sum + count, 0n);
  const parts = totals
    .filter(({ count }) => count > 0n)
    .map(({ state, count }) => `${stateGlyph(state, terminal)} ${count.toLocaleString("en-US")} ${nameOf(state)}`);
  return `${all.toLocaleString("en-US")} ${all === 1n ? "job" : "jobs"}: ${parts.join(", ")}`;
}

function nameOf(state: number): string {
  const found = Object.entries(JobState).find(([, value]) => value === state);
  return (found?.[0] ?? "unknown").toLowerCase().replaceAll("_", " ");
}
