import type { JobState } from "../../core/job.ts";
import type { QueueName } from "../../core/names.ts";
import { State, stateOf } from "../codes.ts";
import type { QueueChange, QueueRecord, QueueSettings } from "../queue.ts";
import type { KnownLane } from "./mirror.ts";
import { backoffText, unsetQueue } from "./queue-row.ts";
import type { Step } from "./step.ts";
import type { Reading } from "./transactions.ts";

const putQueue = `
  INSERT OR REPLACE INTO queue (
    name, paused, max_concurrency, max_attempts, backoff, timeout_ms, crash_limit,
    completed_retention_ms, cancelled_retention_ms, dead_retention_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const selectCounts = "SELECT state, n FROM counter WHERE lane = ?+0 AND n <> 0 ORDER BY state";

// One probe a priority: a scan of all ready jobs would not be bounded.
const selectPriority = `
  SELECT neg_priority FROM job INDEXED BY job_ready
  WHERE lane = ?+0 AND state = ${State.READY} AND neg_priority > ?+0 ORDER BY neg_priority LIMIT 1`;
const selectOldest = `
  SELECT run_at FROM job INDEXED BY job_ready
  WHERE lane = ?+0 AND state = ${State.READY} AND neg_priority = ?+0 ORDER BY run_at LIMIT 1`;

/** Priorities looked through for the longest-ready job of a lane, the highest first. */
const prioritiesMax = 1_000;

export function getQueue(reading: Reading, name: QueueName): QueueRecord | undefined {
  const settings = reading.mirror.settingsOf(name);
  const lanes = [...(reading.mirror.lanesOf(name)?.values() ?? [])];
  if (settings === undefined && lanes.length === 0) return undefined;
  const counted = lanes
    .map((lane) => ({ type: lane.type, counts: countsOf(reading, lane) }))
    .filter(({ counts }) => Object.keys(counts).length > 0)
    .sort((left, right) => (left.type < right.type ? -1 : 1));
  return { name, settings: settings ?? unsetQueue, lanes: counted, oldestWaitMs: oldestWaitMs(reading, lanes) };
}

export function updateQueue(step: Step, name: QueueName, change: QueueChange): void {
  const settings: QueueSettings = { ...(step.mirror.settingsOf(name) ?? unsetQueue), ...change };
  step.sql.run(
    putQueue,
    name,
    settings.paused ? 1 : 0,
    settings.maxConcurrency ?? null,
    settings.maxAttempts ?? null,
    backoffText(settings.backoff),
    settings.timeoutMs ?? null,
    settings.crashLimit ?? null,
    settings.completedRetentionMs ?? null,
    settings.cancelledRetentionMs ?? null,
    settings.deadRetentionMs ?? null,
  );
  step.mirror.remember(name, settings);
}

function countsOf(reading: Reading, lane: KnownLane): Partial<Record<JobState, number>> {
  const rows = reading.sql.tuples<[number, number]>(selectCounts, lane.id);
  return Object.fromEntries(rows.map(([state, n]) => [stateOf(state), n]));
}

function oldestWaitMs(reading: Reading, lanes: readonly KnownLane[]): number | undefined {
  let oldest: number | undefined;
  for (const { id } of lanes) {
    if (!reading.mirror.ready.has(id)) continue;
    let priority = Number.MIN_SAFE_INTEGER;
    for (let index = 0; index < prioritiesMax; index += 1) {
      const [next] = reading.sql.tuple<[number]>(selectPriority, id, priority) ?? [];
      if (next === undefined) break;
      priority = next;
      const [runAt] = reading.sql.tuple<[number]>(selectOldest, id, priority) ?? [];
      if (runAt !== undefined) oldest = Math.min(oldest ?? runAt, runAt);
    }
  }
  return oldest === undefined ? undefined : reading.now - oldest;
}
