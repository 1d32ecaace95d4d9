import type { JobId, LeaseId, QueueName, TypeName } from "../../core/names.ts";
import { reasonOf } from "../codes.ts";
import type { UpkeepAnswer } from "../effects.ts";
import type { KeptLease, NewSession, ResumeAnswer, ResumeRequest, SessionRef } from "../session.ts";
import type { Connection } from "./connection.ts";
import { decodeEffects, type EncodedEffects } from "./effects.ts";
import { isLeaseId } from "./lease-id.ts";
import type { WriteDefaults } from "./write-defaults.ts";

type KeptTuple = readonly [
  leaseId: LeaseId,
  jobId: JobId,
  type: TypeName,
  queue: QueueName,
  payloadBytes: number,
  timeoutMs: number | null,
  sinceClaimMs: number,
  cancel: number,
];

interface ResumeRow {
  readonly said: {
    readonly epoch: number;
    readonly kept: readonly KeptTuple[];
    readonly e: EncodedEffects;
  } | null;
}

export async function openSession(connection: Connection, session: NewSession): Promise<void> {
  const { sessionId, principal, worker, instanceId, ttlMs } = session;
  await connection.write(() => ({
    text: `SELECT ${connection.schema}.open_session($1, $2, $3, $4, $5, $6)`,
    values: [connection.nowMs(), sessionId, principal, plainText(worker), plainText(instanceId), Math.ceil(ttlMs)],
  }));
}

export async function detachSession(
  connection: Connection,
  request: SessionRef & { readonly graceMs: number },
): Promise<void> {
  const { sessionId, epoch, graceMs } = request;
  await connection.write(() => ({
    text: `SELECT ${connection.schema}.detach_session($1, $2, $3, $4)`,
    values: [connection.nowMs(), sessionId, epoch, Math.ceil(graceMs)],
  }));
}

export async function closeSession(connection: Connection, { sessionId, epoch }: SessionRef): Promise<UpkeepAnswer> {
  const [row] = await connection.write<{ readonly said: { readonly n: number; readonly e: EncodedEffects } }>(() => ({
    text: `SELECT ${connection.schema}.close_session($1, $2, $3) AS said`,
    values: [connection.nowMs(), sessionId, epoch],
  }));
  return { count: row?.said.n ?? 0, more: false, effects: decodeEffects(row?.said.e ?? {}) };
}

export async function resumeSession(
  connection: Connection,
  { server }: WriteDefaults,
  request: ResumeRequest,
): Promise<ResumeAnswer> {
  const { sessionId, principal, ttlMs, held } = request;
  const heldIds = [...new Set(held.map(({ leaseId }) => leaseId))];
  const buffered = [...new Set(held.filter((each) => each.buffered).map(({ leaseId }) => leaseId))];
  const [row] = await connection.write<ResumeRow>(() => ({
    text: `SELECT ${connection.schema}.resume_session($1, $2, $3, $4, $5, $6) AS said`,
    values: [
      connection.nowMs(),
      sessionId,
      principal,
      Math.ceil(ttlMs),
      heldIds.filter(isLeaseId),
      buffered.filter(isLeaseId),
    ],
  }));
  const said = row?.said ?? null;
  if (said === null) return { kind: "gone" };
  const kept = said.kept.map((tuple) => decodeKept(tuple, server.timeoutMs));
  const found = new Set(kept.map(({ leaseId }) => leaseId));
  const lost = heldIds.filter((leaseId) => !found.has(leaseId));
  return { kind: "resumed", epoch: said.epoch, kept, lost, effects: decodeEffects(said.e) };
}

function decodeKept(tuple: KeptTuple, timeoutMs: number): KeptLease {
  const [leaseId, jobId, type, queue, payloadBytes, ownTimeoutMs, sinceClaimMs, cancel] = tuple;
  return {
    leaseId,
    jobId,
    type,
    queue,
    payloadBytes,
    timeoutMs: ownTimeoutMs ?? timeoutMs,
    sinceClaimMs,
    cancelReason: reasonOf(cancel),
  };
}

/** What operators are shown, without the one character that a text of PostgreSQL cannot hold. */
function plainText(text: string): string {
  return text.replaceAll("\0", "");
}
