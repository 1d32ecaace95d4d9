import type { DumpedJob, StoreDump } from "../../src/store/dump.ts";
import type { QueueRecord } from "../../src/store/queue.ts";

/**
 * A dump as text that is the same for stores in the same state. Left out is what stores may count differently:
 * `version` and `updatedAt` (both only have to rise), the text of lease ids, lanes that hold nothing, and the order of rows.
 */
export function comparable(dump: StoreDump): string {
  return stable({
    jobs: [...dump.jobs].sort((left, right) => order(left.id, right.id)).map(comparableJob),
    sessions: comparableSessions(dump),
    queues: comparableQueues(dump),
  });
}

function comparableJob({ version: _version, updatedAt: _updatedAt, leaseId, ...job }: DumpedJob): object {
  return { ...job, leased: leaseId !== undefined };
}

/** Buffered leases by job and attempt; those that ended are forgotten. */
export function comparableSessions(dump: StoreDump): readonly object[] {
  const buffered = new Set(dump.sessions.flatMap((session) => session.buffered));
  const leases = new Map<string | undefined, string>();
  for (const job of dump.jobs) {
    if (job.leaseId !== undefined && buffered.has(job.leaseId)) leases.set(job.leaseId, `${job.id}#${job.attempt}`);
  }
  return [...dump.sessions]
    .sort((left, right) => order(left.id, right.id))
    .map((session) => ({ ...session, buffered: session.buffered.flatMap((id) => leases.get(id) ?? []).sort(order) }));
}

export function comparableQueues(dump: StoreDump): readonly object[] {
  return [...dump.queues].sort((left, right) => order(left.name, right.name)).map(comparableQueue);
}

/** As JSON with sorted keys, one line per element of the top lists; bytes as base64, undefined left out. */
export function stable(value: unknown, indent = 1): string {
  return JSON.stringify(plain(value), undefined, indent);
}

function comparableQueue(queue: QueueRecord): object {
  const lanes = queue.lanes
    .map(({ type, counts }) => ({
      type,
      counts: Object.fromEntries(Object.entries(counts).filter(([, n]) => n !== 0)),
    }))
    .filter(({ counts }) => Object.keys(counts).length > 0)
    .sort((left, right) => order(left.type, right.type));
  return { ...queue, lanes };
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `base64:${Buffer.from(value).toString("base64")}`;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .sort(([left], [right]) => order(left, right))
      .map(([key, each]) => [key, plain(each)]),
  );
}

function order(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
