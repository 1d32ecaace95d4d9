import type { DescMessage } from "@bufbuild/protobuf";
import { ConveyorError } from "../core/errors.ts";
import { groupType } from "../core/names.ts";
import { parseSpan } from "../core/span.ts";
import { systemClock } from "../runtime/clock.ts";
import { createIds } from "../runtime/ids.ts";
import type { Addresses } from "../wire/addresses.ts";
import { type Connection, connectionTo } from "../wire/connection.ts";
import type { Credentials } from "../wire/credentials.ts";
import type { AnyJobType, JobStubs, ResultSchemaOf } from "../wire/job-stub.ts";
import { type Crew, createCrew } from "./crew.ts";
import { type HandledType, type HandleOptions, handledTypeOf } from "./handled-type.ts";
import type { Handler, Handlers, NoStrangeField, Returned } from "./handler.ts";
import { quietHooks } from "./hooks.ts";
import { subscriptionsOf, type WorkerOptions, type WorkerSettings, workerSettings } from "./worker-options.ts";

const stopDeadlineMs = 30_000;

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
  readonly #settings: WorkerSettings;
  readonly #types = new Map<string, HandledType>();
  #crew: Crew | undefined;
  #running: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(connection: Connection, options: Omit<WorkerOptions, keyof Credentials>) {
    this.#connection = connection;
    this.#options = options;
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
  handleAll<Jobs extends JobStubs>(jobs: Jobs, handlers: Handlers<Jobs>): this {
    const types = Object.entries(jobs).map(([name, job]) => handledTypeOf(job, methodOf(handlers, name), {}));
    for (const type of types) this.#add(type);
    return this;
  }

  /**
   * Works until it is stopped, by `stop` or by the signal; resolves after a clean stop, and at once when it was stopped before.
   * Rejects with what the broker says when it refuses the worker for good: no such rights, a bad option, no broker at all.
   */
  run(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (this.#stopping !== undefined) return this.#stopping;
    if (this.#running !== undefined) {
      return Promise.reject(new ConveyorError("CLOSED", "the worker runs already; run() is called once"));
    }
    this.#running = this.#work(options.signal);
    return this.#running;
  }

  /**
   * Takes no more jobs, gives back those that have not begun, waits for the others, and leaves. What still runs shortly before
   * `deadlineMs` (30 s when left out) is aborted, and goes back unharmed at the deadline. Resolves when the worker has left.
   */
  stop(options: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    this.#stopping ??= this.#leave(parseSpan(options.deadlineMs ?? stopDeadlineMs, "deadlineMs"));
    return this.#stopping;
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

  async #work(signal: AbortSignal | undefined): Promise<void> {
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
      types: this.#types,
      window: this.#settings.window,
      clock: systemClock,
      random: ids.random,
      hooks,
    });
    this.#crew = crew;
    const onAbort = () => void this.stop().catch(() => undefined);
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await crew.run();
    } finally {
      signal?.removeEventListener("abort", onAbort);
      crew.end();
      hooks.state("stopped");
    }
  }

  async #leave(deadlineMs: number): Promise<void> {
    await this.#crew?.stop(deadlineMs);
    await this.#running?.catch(() => undefined); // run() tells its own caller
  }
}

/** A method of an object with handlers, which may be one of a class. */
function methodOf(handlers: object, name: string): HandledType["run"] {
  const method: unknown = Reflect.get(handlers, name);
  if (typeof method === "function") return (payload, context) => Reflect.apply(method, handlers, [payload, context]);
  throw new ConveyorError("INVALID_OPTION", `handleAll: handlers.${name} is no function but ${typeof method}`);
}
