import { createHash } from "node:crypto";
import { type NewJob, rememberedMs } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { JobRow } from "./job-row.ts";
import type { Step } from "./step.ts";

/** What is left of a root that was removed. */
export interface Memory {
  readonly id: JobId;
  readonly type: string;
  /** Of its payload. */
  readonly hash: Uint8Array;
}

type MemoryRow = readonly [id: JobId, type: number, hash: Uint8Array];

const selectPayload =
  "SELECT request_id, bytes FROM job CROSS JOIN payload ON payload.seq = job.seq WHERE job.seq = ?+0";
const putMemory = `
  INSERT OR REPLACE INTO tombstone (id, request_id, type, payload_hash, expires_at) VALUES (?, ?, ?, ?, ?)`;
const selectMemory = (column: string): string =>
  `SELECT id, type, payload_hash FROM tombstone WHERE ${column} = ''||? AND expires_at > ?+0`;
const selectById = selectMemory("id");
const selectByRequest = selectMemory("request_id IS NOT NULL AND request_id");
const forgetOld = `
  DELETE FROM tombstone
  WHERE id IN (SELECT id FROM tombstone INDEXED BY tombstone_expiry WHERE expires_at <= ?+0 ORDER BY expires_at LIMIT ?+0)`;

/** Keeps what tells a repeat of a root that is removed now. */
export function remember(step: Step, root: Pick<JobRow, "seq" | "id" | "lane">): void {
  const [request = null, bytes = new Uint8Array()] =
    step.sql.tuple<[string | null, Uint8Array]>(selectPayload, root.seq) ?? [];
  const type = step.mirror.nameOf(step.mirror.lane(root.lane).type);
  step.sql.run(putMemory, root.id, request, type, hashOf(bytes), step.now + rememberedMs);
  step.mirror.remembers = true;
}

/** The removed root that had the id of a new one. */
export function rememberedById(step: Step, job: NewJob): Memory | undefined {
  return step.mirror.remembers ? memory(step, selectById, job.id) : undefined;
}

/** The removed root that had the request id of a new one. */
export function rememberedByRequest(step: Step, job: NewJob): Memory | undefined {
  if (!step.mirror.remembers || job.requestId === undefined) return undefined;
  return memory(step, selectByRequest, job.requestId);
}

export function isRepeatOf(memory: Memory, { payload }: NewJob): boolean {
  return memory.type === payload.type && Buffer.compare(memory.hash, hashOf(payload.bytes)) === 0;
}

/** Forgets at most `max` removed roots whose time is over. */
export function forgetRemembered(step: Step, max: number): void {
  if (step.mirror.remembers) step.sql.run(forgetOld, step.now, max);
}

function memory(step: Step, text: string, name: string): Memory | undefined {
  const [id, type, hash] = step.sql.tuple<MemoryRow>(text, name, step.now) ?? [];
  if (id === undefined || type === undefined || hash === undefined) return undefined;
  return { id, type: step.mirror.textOf(type), hash };
}

function hashOf(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
