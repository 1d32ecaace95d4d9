import type { IncomingMessage, ServerResponse } from "node:http";
import type { DescMessage } from "@bufbuild/protobuf";
import { ConveyorError } from "../core/errors.ts";
import { groupType } from "../core/names.ts";
import { parseSpan } from "../core/span.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { createIds } from "../runtime/ids.ts";
import type { Addresses } from "../wire/addresses.ts";
import { type Connection, connectionTo } from "../wire/connection.ts";
import type { Credentials } from "../wire/credentials.ts";
import type { AnyJobType, JobStubs, ResultSchemaOf } from "../wire/job-stub.ts";
import { type Crew, createCrew } from "./crew.ts";
import { type HandledType, type HandleOptions, handledTypeOf, handledTypesOf } from "./handled-type.ts";
import type { Handler, Handlers, NoStrangeField, NoStrangeFields, Returned } from "./handler.ts";
import { healthHandler, healthOf, type WorkerHealth } from "./health.ts";
import { quietHooks } from "./hooks.ts";
import { type Middleware, within } from "./middleware.ts";
import { onStopSignals } from "./stop-signals.ts";
import { subscriptionsOf, type WorkerOptions, type WorkerSettings, workerSettings } from "./worker-options.ts";

/** How a worker runs. */
export interface RunOptions {
  /** Stops it. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Whether SIGTERM and SIGINT stop it, with 30 s for what runs; at the second such signal all is given back at once. The process
   * ends when nothing else keeps it. True when left out.
   */
  readonly signals?: boolean | undefined;
}

const stopDeadlineMs = 30_000;
const idleHealth = healthOf(
  "idle",
  { address: undefined, sessionId: undefined, silentMs: undefined, watchdogMs: 0 },
  { liveCount: 0, room: 0 },
);

/**
 * A worker for the broker at `address` (`host` or `host:port`), or for any of several brokers of one store, in a list or parted by
 * commas. It connects in `run`, and again by itself for as long as it runs, keeping its jobs. Throws INVALID_OPTION or INVALID_NAME.
 */
export function createWorker(address: Addresses, options: WorkerOptions = {}): Worker {
  return new Worker(connectionTo(address, options), options);
}

/** Runs jobs: idle (handle) -> running -> stopping -> stopped. A stopped one stays so; make a new one. */
export class Worker {
  readonly #connection: Connection;
  readonly #options: WorkerOptions;
  readonly #clock: Clock;
  readonly #settings: WorkerSettings;
  readonly #types = new Map<string, HandledType>();
  readonly #layers: Middleware[] = [];
  #crew: Crew | undefined;
  #running: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(connection: Connection, options: Omit<WorkerOptions, keyof Credentials>, clock: Clock = systemClock) {
    this.#connection = connection;
    this.#options = options;
    this.#clock = clock;
    this.#settings = workerSettings(options);
  }

  /**
   * Names the function that runs jobs of a type. Throws when the type cannot be handled so: SCHEMA_INCOMPATIBLE (no job type, or
   * its result is not found), RESULT_TYPE_MISMATCH, INVALID_NAME (queue), INVALID_OPTION (handled already), CLOSED (running).
   */
  handle<
    Job extends AnyJobType,
    Result extends DescMessage | undefined = undefined,
    Given extends Returned<Job, Result> = never,
  >(
    job: Job,
    handler: Handler<Job, Given> & NoStrangeField<Given, ResultSchemaOf<Job, Result>>,
    options: HandleOptions<Result> = {},
  ): this {
    this.#add(handledTypeOf(job, handler as HandledType["run"], options));
    return this;
  }

  /**
   * Names the functions that run all job types of a file, which are those of its generated object, such as `albumJobs`. One that is
   * missing does not compile; INVALID_OPTION. Throws as `handle` does, too.
   */
  handleAll<Jobs extends JobStubs, Given extends Handlers<Jobs>>(
    jobs: Jobs,
    handlers: Given & NoStrangeFields<Jobs, Given>,
  ): this {
    for (const type of handledTypesOf(jobs, handlers)) this.#add(type);
    return this;
  }

  /** Puts a layer around all handlers, within those that were put before it. Throws CLOSED once the worker runs. */
  use(layer: Middleware): this {
    if (this.#running !== undefined || this.#stopping !== undefined) {
      throw new ConveyorError("CLOSED", "use() comes too late: the worker has been started or stopped");
    }
    if (typeof layer !== "function") {
      throw new ConveyorError("INVALID_OPTION", `a middleware is a function, got ${typeof layer}`);
    }
    this.#layers.push(layer);
    return this;
  }

  /**
   * Works until it is stopped, by `stop`, by the signal, or by SIGTERM or SIGINT; resolves after a clean stop, and at once when it
   * was stopped before. Rejects with what the broker says when it refuses the worker for good: no such rights, a bad option.
   */
  run(options: RunOptions = {}): Promise<void> {
    if (this.#stopping !== undefined) return this.#stopping;
    if (this.#running !== undefined) {
      return Promise.reject(new ConveyorError("CLOSED", "the worker runs already; run() is called once"));
    }
    this.#running = this.#work(options);
    return this.#running;
  }

  /**
   * Takes no more jobs, gives back those that have not begun, waits for the others, and leaves. What still runs shortly before
   * `deadlineMs` (30 s when left out) is aborted, and goes back unharmed at the deadline. Resolves when the worker has left.
   * Called once more, an earlier deadline counts.
   */
  stop(options: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    const deadlineMs = parseSpan(options.deadlineMs ?? stopDeadlineMs, "deadlineMs");
    if (this.#stopping !== undefined) void this.#crew?.stop(deadlineMs);
    this.#stopping ??= this.#leave(deadlineMs);
    return this.#stopping;
  }

  /** How it stands now; see `healthy`. */
  health(): WorkerHealth {
    return this.#crew?.health ?? idleHealth;
  }

  /** Its health for `node:http`: 200 or 503 and the same as JSON. `createServer(worker.healthHandler()).listen(8080)`. */
  healthHandler(): (request: IncomingMessage, response: ServerResponse) => void {
    return healthHandler(() => this.health());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #add(type: HandledType): void {
    if (this.#running !== undefined || this.#stopping !== undefined) {
      throw new ConveyorError("CLOSED", `handle(${type.name}) comes too late: the worker has been started or stopped`);
    }
    if (typeof type.run !== "function") {
      throw new ConveyorError("INVALID_OPTION", `the handler of ${type.name} is no function but ${typeof type.run}`);
    }
    if (type.name === groupType) throw new ConveyorError("INVALID_OPTION", `${groupType} has no work to do`);
    if (this.#types.has(type.name)) {
      throw new ConveyorError("INVALID_OPTION", `${type.name} is handled already; a type has one handler in a worker`);
    }
    this.#types.set(type.name, type);
  }

  async #work({ signal, signals = true }: RunOptions): Promise<void> {
    const hooks = quietHooks(this.#options);
    const ids = createIds();
    const crew = createCrew({
      ...this.#connection,
      identity: {
        name: this.#settings.name,
        instanceId: ids.uuid(),
        concurrency: this.#settings.concurrency,
        subscriptions: subscriptionsOf(this.#types.values(), this.#settings),
        windowBytesMax: 64n * 1024n * 1024n,
      },
      types: new Map([...this.#types].map(([name, type]) => [name, { ...type, run: within(this.#layers, type.run) }])),
      window: this.#settings.window,
      clock: this.#clock,
      random: ids.random,
      hooks,
      onDismissed: () => onAbort(),
    });
    this.#crew = crew;
    const onAbort = () => void this.stop().catch(() => undefined);
    const release = signals
      ? onStopSignals({ onFirst: onAbort, onSecond: () => void this.stop({ deadlineMs: 0 }).catch(() => undefined) })
      : () => undefined;
    hooks.tell("onStarted");
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await crew.run();
    } finally {
      signal?.removeEventListener("abort", onAbort);
      release();
      crew.end();
      hooks.state("stopped");
      hooks.tell("onStopped");
    }
  }

  async #leave(deadlineMs: number): Promise<void> {
    await this.#crew?.stop(deadlineMs);
    await this.#running?.catch(() => undefined); // run() tells its own caller
  }
}
