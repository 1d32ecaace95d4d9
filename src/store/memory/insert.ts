import type { Edge, NewJob, NewNode, NewTree } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { groupType } from "../../core/names.ts";
import type { InsertAnswer, InsertItem } from "../commit.ts";
import { runEnded, runTime, waitingFor } from "./chain.ts";
import { ensureQueue } from "./queues.ts";
import { digestOf } from "./retention.ts";
import type { JobRow, MemoryRow } from "./row.ts";
import { insert, type Write } from "./write.ts";

/** Inserts the trees of one item, all or none: whatever stands in the way is found before the first row is written. */
export function insertItem(write: Write, item: InsertItem): InsertAnswer {
  const refusal = findRefusal(write, item);
  if (refusal !== undefined) return refusal;
  return { kind: "inserted", roots: item.trees.map((tree) => insertTree(write, tree)) };
}

/** What the tables hold together with what the item brings, so that an item is refused for what repeats within it. */
interface Present {
  readonly ids: Map<JobId, NewJob["payload"]>;
  readonly requests: Map<string, JobId>;
}

function findRefusal(write: Write, item: InsertItem): Extract<InsertAnswer, { kind: "refused" }> | undefined {
  const brought: Present = { ids: new Map(), requests: new Map() };
  for (const [index, tree] of item.trees.entries()) {
    const match = matchOf(write, tree.root, brought);
    if (match === undefined) {
      const id = clash(write, tree, brought);
      if (id !== undefined) return { kind: "refused", index, code: "JOB_ID_EXISTS", id };
    } else if (!match.same) {
      return { kind: "refused", index, code: match.code, id: match.id };
    }
  }
  return undefined;
}

interface Match {
  readonly id: JobId;
  /** Of the same type and payload: a repeat. */
  readonly same: boolean;
  readonly code: "JOB_ID_EXISTS" | "REQUEST_ID_REUSED";
}

/** The job that is there already, or was removed lately, under this id or, failing that, this request id. */
function matchOf(write: Write, root: NewJob, brought?: Present): Match | undefined {
  const payload = payloadOf(write, root.id, brought);
  if (payload !== undefined) return { id: root.id, same: samePayload(payload, root.payload), code: "JOB_ID_EXISTS" };
  const { tables } = write;
  const gone = remembered(write, tables.memories.byId(root.id));
  if (gone !== undefined) return { id: root.id, same: recalls(gone, root.payload), code: "JOB_ID_EXISTS" };
  if (root.requestId === undefined) return undefined;
  const code = "REQUEST_ID_REUSED";
  const id = brought?.requests.get(root.requestId) ?? tables.jobOfRequest(root.requestId)?.id;
  const first = id === undefined ? undefined : payloadOf(write, id, brought);
  if (id !== undefined && first !== undefined) return { id, same: samePayload(first, root.payload), code };
  const asked = remembered(write, tables.memories.byRequest(root.requestId));
  return asked === undefined ? undefined : { id: asked.id, same: recalls(asked, root.payload), code };
}

function remembered(write: Write, memory: MemoryRow | undefined): MemoryRow | undefined {
  return memory !== undefined && memory.until > write.now ? memory : undefined;
}

function recalls(memory: MemoryRow, payload: NewJob["payload"]): boolean {
  return memory.type === payload.type && memory.digest === digestOf(payload);
}

function payloadOf(write: Write, id: JobId, brought?: Present): NewJob["payload"] | undefined {
  const row = write.tables.job(id);
  return row === undefined ? brought?.ids.get(id) : { type: row.type, bytes: row.payload };
}

/** Takes the tree's ids into `brought`; answers the first that is taken. */
function clash(write: Write, tree: NewTree, brought: Present): JobId | undefined {
  for (const job of [tree.root, ...tree.nodes.map((node) => node.job)]) {
    if (payloadOf(write, job.id, brought) !== undefined) return job.id;
    brought.ids.set(job.id, job.payload);
  }
  if (tree.root.requestId !== undefined) brought.requests.set(tree.root.requestId, tree.root.id);
  return undefined;
}

function samePayload(left: NewJob["payload"], right: NewJob["payload"]): boolean {
  return left.type === right.type && Buffer.compare(left.bytes, right.bytes) === 0;
}

function insertTree(write: Write, tree: NewTree): { id: JobId; deduplicated: boolean } {
  const { root, nodes } = tree;
  const match = matchOf(write, root);
  if (match !== undefined) return { id: match.id, deduplicated: true };
  const below = countBelow(tree);
  const rows = [insertRoot(write, root, below[0] ?? none)];
  for (const [index, node] of nodes.entries()) {
    const parent = rows[node.parentIndex];
    if (parent === undefined) throw new Error("a tree names parents before their children");
    rows.push(insertNode(write, { node, parent, below: below[index + 1] ?? none }));
  }
  const inserted = write.tables.mustJob(root.id);
  if (inserted.run !== undefined) runEnded(write, inserted);
  return { id: root.id, deduplicated: false };
}

/** Open nodes directly below. */
interface Below {
  readonly children: number;
  readonly heirs: number;
}

const none: Below = { children: 0, heirs: 0 };

/** Per node of the tree, the root first. */
function countBelow(tree: NewTree): Below[] {
  const counts: { children: number; heirs: number }[] = [tree.root, ...tree.nodes].map(() => ({
    children: 0,
    heirs: 0,
  }));
  for (const node of tree.nodes) {
    const count = counts[node.parentIndex];
    if (count === undefined) continue;
    if (node.edge.role === "CHILD") count.children += 1;
    else count.heirs += 1;
  }
  return counts;
}

function insertRoot(write: Write, job: NewJob, below: Below): JobRow {
  const runAt = runTime(job.start, write.now);
  const row = { ...newRow(write, job, below), rootId: job.id, runAt, ...waitingFor(runAt, write.now) };
  if (job.payload.type !== groupType || runAt > write.now) return insert(write, row);
  const state = below.children + below.heirs > 0 ? "AWAITING_CHILDREN" : "COMPLETED";
  return insert(write, { ...row, state, run: "SUCCEEDED", ranAt: write.now });
}

/** Inserts a child or heir of a row that is already there; a child may run when its parent's own run was accepted. */
export function insertNode(write: Write, request: { node: NewNode; parent: JobRow; below?: Below }): JobRow {
  const { node, parent, below = none } = request;
  return insert(write, {
    ...newRow(write, node.job, below),
    ...place(write, node, parent),
    ...edgeOf(node.edge),
    priority: node.job.priority ?? parent.priority,
    metadata: node.job.metadata ?? parent.metadata,
    rootId: parent.rootId,
    parentId: parent.id,
    depth: parent.depth + 1,
    position: write.tables.countBelow(parent.id),
    edgeFlipped: false,
  });
}

function place(write: Write, node: NewNode, parent: JobRow): Pick<JobRow, "state" | "hold" | "runAt"> {
  const { start } = node.job;
  if (node.edge.role === "CHILD" && letsRun(parent)) {
    const runAt = runTime(start, write.now);
    return { state: waitingFor(runAt, write.now).state, hold: undefined, runAt };
  }
  const runAt = start.kind === "at" ? Math.max(write.now, start.timeMs) : write.now;
  return { state: "HELD", hold: node.edge.role === "CHILD" ? "PARENT" : "BARRIER", runAt };
}

/** Its run was accepted, and no cancelling of what is below is under way. */
function letsRun(parent: JobRow): boolean {
  return parent.run === "SUCCEEDED" && !parent.cancelRequested && parent.cascade === undefined;
}

function edgeOf(edge: Edge): Pick<JobRow, "role" | "key" | "policy" | "trigger" | "asResult"> {
  return { role: edge.role, key: edge.key, policy: edge.policy, trigger: edge.trigger, asResult: edge.asResult };
}

function newRow(write: Write, job: NewJob, below: Below): JobRow {
  ensureQueue(write.tables, job.queue);
  return {
    id: job.id,
    type: job.payload.type,
    queue: job.queue,
    state: "READY",
    hold: undefined,
    reason: undefined,
    priority: job.priority ?? 0,
    runAt: write.now,
    createdAt: write.now,
    updatedAt: write.now,
    ranAt: undefined,
    finishedAt: undefined,
    version: 1,
    epoch: 0,
    attempt: 0,
    failureCount: 0,
    crashCount: 0,
    snoozeCount: 0,
    releaseCount: 0,
    maxAttempts: job.maxAttempts,
    backoff: job.backoff,
    timeoutMs: job.timeoutMs,
    rootId: job.id,
    parentId: undefined,
    role: "ROOT",
    depth: 0,
    key: "",
    policy: "FAIL",
    trigger: "SUCCEEDED",
    asResult: false,
    pendingChildren: below.children,
    pendingHeirs: below.heirs,
    cancelRequested: false,
    schemaId: job.schemaId,
    payloadBytes: job.payload.bytes.length,
    principal: job.principal,
    requestId: job.requestId,
    errorFingerprint: undefined,
    sequence: write.tables.nextSequence,
    payload: job.payload.bytes.slice(),
    ownResult: undefined,
    resultOf: undefined,
    metadata: job.metadata ?? {},
    start: job.start,
    position: 0,
    run: undefined,
    ownReason: undefined,
    childrenNotOk: 0,
    heirsNotOk: 0,
    barrierJudged: false,
    edgeFlipped: undefined,
    propagateDue: false,
    cascade: undefined,
    cancelHeirs: false,
    reviving: undefined,
    progress: undefined,
    staged: undefined,
    pruning: false,
    lease: undefined,
    attempts: [],
  };
}
