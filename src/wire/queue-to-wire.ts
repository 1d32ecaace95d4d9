import type { Duration } from "@bufbuild/protobuf/wkt";
import type { StateCount } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { Queue, QueueSettings as WireQueueSettings } from "../../gen/conveyor/v1/queue_service_pb.ts";
import { type BackoffPolicy, type JobState, jobStates } from "../core/job.ts";
import { backoffToWire } from "./backoff.ts";
import { stateCountToWire } from "./chain-node-to-wire.ts";
import { msToDuration } from "./time.ts";

type Counts = Readonly<Partial<Record<JobState, number>>>;

/** A queue as it is now; a store's record is one. Spans in ms. */
export interface QueueNow {
  readonly name: string;
  readonly settings: {
    readonly paused: boolean;
    readonly maxConcurrency: number | undefined;
    readonly maxAttempts: number | undefined;
    readonly backoff: BackoffPolicy | undefined;
    readonly timeoutMs: number | undefined;
    readonly crashLimit: number | undefined;
    readonly completedRetentionMs: number | undefined;
    readonly cancelledRetentionMs: number | undefined;
    readonly deadRetentionMs: number | undefined;
  };
  readonly lanes: readonly { readonly type: string; readonly counts: Counts }[];
  readonly oldestWaitMs: number | undefined;
}

/** A queue with its counts; `workerCount` says how many workers of this broker handle a type in it. */
export function queueToWire(queue: QueueNow, workerCount: (type: string) => number): Queue {
  return {
    $typeName: "conveyor.v1.Queue",
    name: queue.name,
    settings: settingsToWire(queue.settings),
    counts: countsToWire(queue.lanes.map((lane) => lane.counts)),
    oldestWait: spanToWire(queue.oldestWaitMs),
    lanes: queue.lanes.map(({ type, counts }) => ({
      $typeName: "conveyor.v1.LaneStatus",
      type,
      counts: countsToWire([counts]),
      workerCount: workerCount(type),
    })),
  };
}

function settingsToWire(settings: QueueNow["settings"]): WireQueueSettings {
  return {
    $typeName: "conveyor.v1.QueueSettings",
    paused: settings.paused,
    maxConcurrency: settings.maxConcurrency,
    maxAttempts: settings.maxAttempts,
    backoff: settings.backoff && backoffToWire(settings.backoff),
    timeout: spanToWire(settings.timeoutMs),
    crashLimit: settings.crashLimit,
    completedRetention: spanToWire(settings.completedRetentionMs),
    cancelledRetention: spanToWire(settings.cancelledRetentionMs),
    deadRetention: spanToWire(settings.deadRetentionMs),
  };
}

function spanToWire(ms: number | undefined): Duration | undefined {
  return ms === undefined ? undefined : msToDuration(ms);
}

/** The sums per state; states without jobs are left out. */
function countsToWire(counts: readonly Counts[]): StateCount[] {
  return jobStates
    .map((state) =>
      stateCountToWire(
        state,
        counts.reduce((sum, each) => sum + (each[state] ?? 0), 0),
      ),
    )
    .filter(({ count }) => count > 0n);
}
