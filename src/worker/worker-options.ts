import { hostname } from "node:os";
import type { Subscription } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { parsePrintable } from "../core/names.ts";
import type { Credentials } from "../wire/credentials.ts";
import { optionalInteger } from "../wire/job-spec.ts";
import type { HandledType } from "./handled-type.ts";
import type { WorkerHooks } from "./hooks.ts";

/** How a worker works; every part has a default. */
export interface WorkerOptions extends WorkerHooks, Credentials {
  /** Handlers that run at once; 10 when left out, at most 10,000. */
  readonly concurrency?: number | undefined;
  /** Shown to operators; host and process id when left out. */
  readonly name?: string | undefined;
  /** Bounds of single queues. */
  readonly queues?: Readonly<Record<string, QueueOptions>> | undefined;
  /** Jobs in its hands at once; when left out, one to four times the concurrency, by how long its handlers take. */
  readonly window?: number | undefined;
}

export interface QueueOptions {
  /** Jobs of this queue in its hands at once. */
  readonly concurrency: number;
}

/** The same with nothing left out but what is worked out at run time. */
export interface WorkerSettings {
  readonly concurrency: number;
  readonly name: string;
  readonly queues: ReadonlyMap<string, number>;
  readonly window: number | undefined;
}

const concurrencyDefault = 10;

/** Fills in and checks: INVALID_OPTION or INVALID_NAME with the option's name. */
export function workerSettings(options: WorkerOptions): WorkerSettings {
  const jobs = { min: 1, max: limits.windowJobsMax };
  const queues = new Map<string, number>();
  for (const [queue, { concurrency }] of Object.entries(options.queues ?? {})) {
    queues.set(queue, optionalInteger(concurrency, `queues.${queue}.concurrency`, jobs) ?? limits.windowJobsMax);
  }
  return {
    concurrency: optionalInteger(options.concurrency, "concurrency", jobs) ?? concurrencyDefault,
    name: parsePrintable(options.name ?? defaultName(), "name", "a worker's name"),
    queues,
    window: optionalInteger(options.window, "window", jobs),
  };
}

/** What the worker takes jobs of: the types by queue. INVALID_OPTION without types, over the limits, or with a queue that nothing is handled of. */
export function subscriptionsOf(types: Iterable<HandledType>, settings: WorkerSettings): Subscription[] {
  const byQueue = new Map<string, string[]>();
  for (const { queue, name } of types) byQueue.set(queue, [...(byQueue.get(queue) ?? []), name]);
  if (byQueue.size === 0) throw invalid("the worker handles nothing; call handle() before run()");
  if (byQueue.size > limits.subscriptionsMax) {
    throw invalid(`a worker takes jobs from at most ${limits.subscriptionsMax} queues, here are ${byQueue.size}`);
  }
  for (const queue of settings.queues.keys()) {
    if (!byQueue.has(queue))
      throw invalid(`queues.${queue}: no type is handled from it; known are ${[...byQueue.keys()].join(", ")}`);
  }
  return [...byQueue].map(([queue, names]) => subscription(queue, names, settings.queues.get(queue)));
}

function subscription(queue: string, types: string[], jobsMax: number | undefined): Subscription {
  if (types.length > limits.subscriptionTypesMax) {
    throw invalid(
      `a worker handles at most ${limits.subscriptionTypesMax} types of one queue, here are ${types.length} of ${queue}`,
    );
  }
  const bound = jobsMax === undefined ? {} : { maxInFlight: jobsMax };
  return { $typeName: "conveyor.v1.Subscription", queue, types, ...bound };
}

function defaultName(): string {
  const host = hostname()
    .replaceAll(/[^\x20-\x7e]/g, "?")
    .slice(0, 100);
  return `${host}:${process.pid}`;
}

function invalid(message: string): ConveyorError {
  return new ConveyorError("INVALID_OPTION", message);
}
