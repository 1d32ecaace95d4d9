import type { Edge, NewJob, NewNode, NewTree } from "../../core/job.ts";
import { groupType } from "../../core/names.ts";
import { Hold, Policy, Role, TriggerCode } from "../codes.ts";
import type { Bulk } from "./bulk.ts";
import { encodeKey } from "./key-text.ts";

/** A new job as the function insert_rows takes it; the names are told in functions/04-insert.sql. Undefined: left out of the JSON. */
export interface EncodedRow {
  readonly s: number;
  readonly id: string;
  readonly l: number;
  readonly sc: number;
  readonly pr: number;
  readonly o: number;
  readonly z: number;
  readonly [short: string]: string | number | boolean | undefined;
}

/** What a node inherits where it says nothing itself. */
interface Inherited {
  readonly slot: number;
  readonly depth: number;
  readonly priority: number;
  readonly metadata: string | undefined;
}

/** The rows of a tree that stands at `index` in its item, the root first. */
export function encodeTree(bulk: Bulk, { root, nodes }: NewTree, index: number): readonly EncodedRow[] {
  const below = [root, ...nodes].map(() => ({ children: 0, heirs: 0, placed: 0 }));
  for (const { parentIndex, edge } of nodes) {
    const counts = at(below, parentIndex);
    if (edge.role === "CHILD") counts.children += 1;
    else counts.heirs += 1;
  }
  const first = {
    ...encodeRow(bulk, root),
    t: index,
    g: root.payload.type === groupType ? true : undefined,
    p: 0 - (root.priority ?? 0),
    rq: root.requestId,
    m: metadataText(root.metadata),
    ...(nodes.length === 0 ? {} : { c: at(below, 0).children, e: at(below, 0).heirs, n: nodes.length + 1 }),
  };
  const places: Inherited[] = [{ slot: first.s, depth: 0, priority: root.priority ?? 0, metadata: first.m }];
  const rows: EncodedRow[] = [first];
  for (const [place, { parentIndex, edge, job }] of nodes.entries()) {
    const parent = at(places, parentIndex);
    const siblings = at(below, parentIndex);
    const own = at(below, place + 1);
    const priority = job.priority ?? parent.priority;
    const metadata = job.metadata === undefined ? parent.metadata : metadataText(job.metadata);
    const row = {
      ...encodeRow(bulk, job),
      ...encodeEdge(edge, siblings.placed),
      t: index,
      h: edge.role === "CHILD" ? Hold.PARENT : Hold.BARRIER,
      p: 0 - priority,
      m: metadata,
      pa: parent.slot,
      rt: first.s,
      dp: parent.depth + 1,
      ...(own.children + own.heirs === 0 ? {} : { c: own.children, e: own.heirs }),
    };
    siblings.placed += 1;
    places.push({ slot: row.s, depth: parent.depth + 1, priority, metadata });
    rows.push(row);
  }
  return rows;
}

/** A job that a result declares at this place; what it does not say itself it takes from the declaring job's row. */
export function encodeDeclared(bulk: Bulk, { edge, job }: NewNode, place: number): EncodedRow {
  return {
    ...encodeRow(bulk, job),
    ...encodeEdge(edge, place),
    h: edge.role === "HEIR" ? Hold.BARRIER : undefined,
    p: job.priority === undefined ? undefined : 0 - job.priority,
    m: job.metadata === undefined ? undefined : (metadataText(job.metadata) ?? ""),
  };
}

function encodeRow(bulk: Bulk, job: NewJob): EncodedRow {
  const { type, bytes } = job.payload;
  const { offset, length } = bulk.piece(bytes);
  return {
    s: bulk.slot(),
    id: job.id,
    l: bulk.lane({ queue: job.queue, type }),
    sc: bulk.name(job.schemaId),
    pr: bulk.name(job.principal),
    a: job.start.kind === "at" ? job.start.timeMs : undefined,
    d: job.start.kind === "after" ? job.start.delayMs : undefined,
    ma: job.maxAttempts,
    to: job.timeoutMs,
    bo: job.backoff === undefined ? undefined : JSON.stringify(job.backoff),
    o: offset,
    z: length,
  };
}

function encodeEdge(edge: Edge, place: number) {
  return {
    ro: Role[edge.role],
    po: place,
    k: encodeKey(edge.key),
    po2: Policy[edge.policy],
    tr: TriggerCode[edge.trigger],
    ar: edge.asResult ? true : undefined,
  };
}

/** Metadata as the column holds it; undefined: none. */
function metadataText(metadata: NewJob["metadata"]): string | undefined {
  const text = metadata === undefined ? "{}" : JSON.stringify(metadata);
  return text === "{}" ? undefined : text;
}

function at<Item>(list: readonly Item[], index: number): Item {
  const item = list[index];
  if (item === undefined) throw new Error("a tree names parents before their children");
  return item;
}
