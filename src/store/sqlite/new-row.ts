import type { Edge, NewJob } from "../../core/job.ts";
import { groupType } from "../../core/names.ts";
import { type Hold, Policy, Role, State, TriggerCode } from "../codes.ts";
import { backoffText } from "./queue-row.ts";
import { count, due, ready, type Step } from "./step.ts";

const insertRootRow = `
  INSERT INTO job (
    seq, id, lane, state, hold, neg_priority, run_at, created_at, updated_at,
    schema_id, principal, request_id, max_attempts, timeout_ms, backoff, payload_bytes, below)
  VALUES (?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`;

const insertNodeRow = `
  INSERT INTO job (
    seq, id, lane, state, hold, neg_priority, run_at, delay_ms, start_at, created_at, updated_at,
    schema_id, principal, max_attempts, timeout_ms, backoff, payload_bytes, below,
    parent, root, role, depth, position, key, policy, trigger, as_result)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

const insertPayload = "INSERT INTO payload (seq, bytes, metadata) VALUES (?, ?, ?)";

/** What nodes below a job take from it. */
export interface NodePlace {
  readonly seq: number;
  readonly depth: number;
  readonly priority: number;
  /** As the column holds it. */
  readonly metadata: string | null;
}

/** Inserts a root, ready or scheduled; answers its number, or undefined when its id or request id is taken. */
export function insertRoot(step: Step, job: NewJob, below: 0 | 1): number | undefined {
  const { mirror, now, sql } = step;
  const { payload } = job;
  const seq = mirror.seq + 1;
  const lane = mirror.laneOf(job.queue, payload.type).id;
  const runAt = startOf(job, now);
  const state = runAt <= now ? State.READY : State.SCHEDULED;
  const changes = sql
    .object(insertRootRow)
    .run(
      seq,
      job.id,
      lane,
      state,
      0 - (job.priority ?? 0),
      runAt,
      now,
      now,
      mirror.nameOf(job.schemaId),
      mirror.nameOf(job.principal),
      job.requestId ?? null,
      job.maxAttempts ?? null,
      job.timeoutMs ?? null,
      backoffText(job.backoff),
      payload.bytes.byteLength,
      below,
    ).changes;
  if (changes === 0) return undefined;
  mirror.seq = seq;
  sql.object(insertPayload).run(seq, payload.bytes, metadataText(job.metadata));
  count(step, lane, state, 1);
  if (state === State.SCHEDULED) due(step, runAt);
  else if (payload.type !== groupType) ready(step, lane);
  return seq;
}

/** Inserts a node below `parent`: held, or (hold 0) ready or scheduled. Priority and metadata it does not name are its parent's. */
export function insertNode(
  step: Step,
  node: {
    readonly edge: Edge;
    readonly job: NewJob;
    readonly parent: NodePlace;
    readonly root: number;
    readonly position: number;
    readonly hold: (typeof Hold)[keyof typeof Hold] | 0;
    readonly hasBelow: boolean;
  },
): NodePlace {
  const { mirror, now, sql } = step;
  const { edge, job, parent, hold } = node;
  mirror.seq += 1;
  const { seq } = mirror;
  const lane = mirror.laneOf(job.queue, job.payload.type).id;
  const priority = job.priority ?? parent.priority;
  const metadata = job.metadata === undefined ? parent.metadata : metadataText(job.metadata);
  const delayMs = job.start.kind === "after" ? job.start.delayMs : null;
  const startAt = job.start.kind === "at" ? job.start.timeMs : null;
  const runAt = hold !== 0 && delayMs !== null ? now : startOf(job, now);
  const state = hold !== 0 ? State.HELD : runAt <= now ? State.READY : State.SCHEDULED;
  sql
    .object(insertNodeRow)
    .run(
      seq,
      job.id,
      lane,
      state,
      hold,
      0 - priority,
      runAt,
      delayMs,
      startAt,
      now,
      now,
      mirror.nameOf(job.schemaId),
      mirror.nameOf(job.principal),
      job.maxAttempts ?? null,
      job.timeoutMs ?? null,
      backoffText(job.backoff),
      job.payload.bytes.byteLength,
      node.hasBelow ? 1 : 0,
      parent.seq,
      node.root,
      Role[edge.role],
      parent.depth + 1,
      node.position,
      edge.key === "" ? null : edge.key,
      Policy[edge.policy],
      TriggerCode[edge.trigger],
      edge.asResult ? 1 : 0,
    );
  sql.object(insertPayload).run(seq, job.payload.bytes, metadata);
  count(step, lane, state, 1);
  if (state === State.READY) ready(step, lane);
  else if (state === State.SCHEDULED) due(step, runAt);
  return { seq, depth: parent.depth + 1, priority, metadata };
}

/** Metadata as the column holds it. */
export function metadataText(metadata: Readonly<Record<string, string>> | undefined): string | null {
  if (metadata === undefined) return null;
  const text = JSON.stringify(metadata);
  return text === "{}" ? null : text;
}

/** When a job may run that is not held: never before now. */
function startOf(job: NewJob, now: number): number {
  switch (job.start.kind) {
    case "now":
      return now;
    case "at":
      return Math.max(now, job.start.timeMs);
    case "after":
      return now + job.start.delayMs;
    default:
      return job.start satisfies never;
  }
}
