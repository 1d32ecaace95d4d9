import type { QueueName } from "../../core/names.ts";
import type { QueueChange, QueueRecord, QueueSettings } from "../queue.ts";
import type { QueueRow } from "./row.ts";
import type { Tables } from "./tables.ts";

const unset: QueueSettings = {
  paused: false,
  maxConcurrency: undefined,
  maxAttempts: undefined,
  backoff: undefined,
  timeoutMs: undefined,
  crashLimit: undefined,
  completedRetentionMs: undefined,
  cancelledRetentionMs: undefined,
  deadRetentionMs: undefined,
};

/** A queue exists from its first job on. */
export function ensureQueue(tables: Tables, name: QueueName): QueueRow {
  const known = tables.queue(name);
  if (known !== undefined) return known;
  const row = { name, settings: unset };
  tables.putQueue(row);
  return row;
}

export function updateQueue(tables: Tables, name: QueueName, change: QueueChange): void {
  tables.putQueue({ name, settings: { ...ensureQueue(tables, name).settings, ...change } });
}

export function queueRecord(tables: Tables, name: QueueName, now: number): QueueRecord | undefined {
  const row = tables.queue(name);
  if (row === undefined) return undefined;
  const lanes = [...tables.counts(name)]
    .map(([type, counts]) => ({
      type,
      counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)),
    }))
    .filter((lane) => Object.keys(lane.counts).length > 0)
    .sort((left, right) => (left.type < right.type ? -1 : 1));
  return { name, settings: row.settings, lanes, oldestWaitMs: oldestWaitMs(tables, name, now) };
}

/** Running jobs of a queue, over all sessions. */
export function runningCount(tables: Tables, name: QueueName): number {
  let count = 0;
  for (const counts of tables.counts(name).values()) count += counts.RUNNING ?? 0;
  return count;
}

function oldestWaitMs(tables: Tables, name: QueueName, now: number): number | undefined {
  let oldest: number | undefined;
  for (const type of tables.readyTypes(name)) {
    for (const row of tables.ready(name, type)) oldest = Math.min(oldest ?? row.runAt, row.runAt);
  }
  return oldest === undefined ? undefined : now - oldest;
}
