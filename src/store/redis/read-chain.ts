import type { JobState } from "../../core/job.ts";
import type { JobId, TypeName } from "../../core/names.ts";
import { isTerminalCode, reasonOf, roleOf, stateOf, triggerOf } from "../codes.ts";
import type { ChainNodeRecord, ChainPage, ChainRequest } from "../query.ts";
import { ask } from "./ask.ts";
import type { Connection } from "./connection.ts";
import { parseCursor } from "./cursor.ts";
import { findJob } from "./find-jobs.ts";
import { listOf, numberOf, textOf, type Unpacked } from "./msgpack.ts";

/** A job that has something below it, or (count over 1) leaves that are alike: the first of them. */
interface Node {
  readonly depth: number;
  readonly number: number;
  readonly parent: number;
  readonly count: number;
  readonly type: TypeName;
  readonly state: number;
  readonly role: number;
  readonly trigger: number;
  readonly reason: number;
  readonly id: JobId;
  readonly pendingChildren: number;
  readonly pendingHeirs: number;
  readonly hasBelow: boolean;
}

/** A job whose nodes below are still to be looked at: number, depth, children seen (-1: itself comes first). */
type Entry = readonly [number: number, depth: number, seen: number];

/** Entries that one call looks below; it stops at a bounded number of jobs by itself. */
const entriesMax = 500;

/**
 * The chain at and below a job, level by level, each level in insertion order. A chain of up to some 2,000 jobs is read in one
 * moment, a larger one in several, each part as it is then.
 */
export async function getChain(
  connection: Connection,
  id: JobId,
  request: ChainRequest,
): Promise<ChainPage | undefined> {
  const top = await findJob(connection, id);
  if (top === undefined) return undefined;
  const [first = 0] = request.cursor === undefined ? [] : parseCursor(request.cursor);
  const next = first + request.size;
  const levels = await walk(connection, top.shard, top.number, (seen, depth) => {
    // The first page tells totals, so it looks at all; a later one at as much as it shows.
    return first > 0 && (seen > next || depth > request.depthMax);
  });
  const inOrder = levels.map((level) => [...level.values()].sort((one, two) => one.number - two.number));
  const nodes = inOrder.slice(0, request.depthMax + 1).flat();
  const page = nodes.slice(first, next);
  const names = await namesOf(connection, top.shard, [top.number, ...page.map(({ number }) => number)]);
  const own = names.get(top.number);
  if (own === undefined) return undefined;
  const ids = new Map(nodes.map((node) => [node.number, node.id]));
  return {
    rootId: own.rootId ?? id,
    items: page.map((node) => {
      const parentId = node.number === top.number ? own.parentId : ids.get(node.parent);
      return recordOf(node, parentId, names.get(node.number)?.key ?? "");
    }),
    cursor: next < nodes.length ? String(next) : undefined,
    totals: first > 0 ? undefined : totalsOf(inOrder.flat()),
  };
}

/** Nodes by level, each under what tells it from the others. */
async function walk(
  connection: Connection,
  shard: number,
  top: number,
  isEnough: (seen: number, depth: number) => boolean,
): Promise<readonly ReadonlyMap<string, Node>[]> {
  const levels: Map<string, Node>[] = [];
  let entries: readonly Entry[] = [[top, 0, -1]];
  let depth = 0;
  while (entries.length > 0) {
    const answer = listOf(await ask(connection, shard, "chain", entries.slice(0, entriesMax)));
    for (const each of listOf(answer[0])) add(levels, nodeOf(each));
    const left = listOf(answer[1]).map(entryOf);
    entries = [...left, ...entries.slice(entriesMax)].sort((one, two) => one[1] - two[1]);
    depth = entries[0]?.[1] ?? depth;
    // Levels down to the one of the next entry are whole.
    const seen = levels.slice(0, depth + 1).reduce((sum, level) => sum + level.size, 0);
    if (isEnough(seen, depth)) break;
  }
  return levels;
}

function add(levels: Map<string, Node>[], node: Node): void {
  const level = levels[node.depth] ?? new Map<string, Node>();
  levels[node.depth] = level;
  const key = node.hasBelow ? String(node.number) : `${node.parent} ${node.role} ${node.state} ${node.type}`;
  const known = level.get(key);
  const count = (known?.count ?? 0) + node.count;
  level.set(key, known !== undefined && known.number < node.number ? { ...known, count } : { ...node, count });
}

function nodeOf(values: Unpacked): Node {
  const [depth, number, parent, count, type, state, role, trigger, reason, id, pendingChildren, pendingHeirs, below] =
    listOf(values);
  return {
    depth: numberOf(depth),
    number: numberOf(number),
    parent: numberOf(parent),
    count: numberOf(count),
    // Names were checked before they were stored.
    type: textOf(type) as TypeName,
    state: numberOf(state),
    role: numberOf(role),
    trigger: numberOf(trigger),
    reason: numberOf(reason),
    id: textOf(id) as JobId,
    pendingChildren: numberOf(pendingChildren),
    pendingHeirs: numberOf(pendingHeirs),
    hasBelow: below === 1,
  };
}

function entryOf(values: Unpacked): Entry {
  const [number, depth, seen] = listOf(values);
  return [numberOf(number), numberOf(depth), numberOf(seen)];
}

interface Names {
  readonly key: string;
  readonly rootId: JobId | undefined;
  readonly parentId: JobId | undefined;
}

/** What never changes of these jobs, in as many calls as its size asks for. */
async function namesOf(
  connection: Connection,
  shard: number,
  numbers: readonly number[],
): Promise<ReadonlyMap<number, Names>> {
  const names = new Map<number, Names>();
  for (let first = 0; first < numbers.length; ) {
    const answers = listOf(await ask(connection, shard, "names", numbers.slice(first, first + 1_000)));
    for (const [index, answer] of answers.entries()) {
      if (answer === false) continue;
      const [key = "", rootId = "", parentId = ""] = listOf(answer).map(textOf);
      names.set(numbers[first + index] ?? 0, { key, rootId: idOf(rootId), parentId: idOf(parentId) });
    }
    if (answers.length === 0) break;
    first += answers.length;
  }
  return names;
}

function idOf(text: string): JobId | undefined {
  return text === "" ? undefined : (text as JobId);
}

function recordOf(node: Node, parentId: JobId | undefined, key: string): ChainNodeRecord {
  return {
    id: node.id,
    parentId,
    count: node.count,
    type: node.type,
    state: stateOf(node.state),
    role: roleOf(node.role),
    trigger: triggerOf(node.trigger),
    reason: isTerminalCode(node.state) ? reasonOf(node.reason) : undefined,
    key: node.count === 1 ? key : "",
    depth: node.depth,
    pendingChildren: node.pendingChildren,
    pendingHeirs: node.pendingHeirs,
  };
}

function totalsOf(nodes: readonly Node[]): { readonly state: JobState; readonly count: number }[] {
  const totals = new Map<number, number>();
  for (const { state, count } of nodes) totals.set(state, (totals.get(state) ?? 0) + count);
  return [...totals].map(([state, count]) => ({ state: stateOf(state), count }));
}
