import type { Conveyor } from "../client/conveyor.ts";
import type { JobInfo } from "../client/job-info.ts";
import { ConveyorError } from "../core/errors.ts";
import { isTerminal, type JobState } from "../core/job.ts";
import { parseSpan, type Span } from "../core/span.ts";
import { type EmbeddedWorkerOptions, serveStore } from "../embedded/embedded.ts";
import type { Worker } from "../worker/worker.ts";
import { type QuietOptions, untilQuiet } from "./quiet.ts";
import { openStage } from "./stage.ts";
import { createVirtualClock } from "./virtual-clock.ts";

export interface TestConveyorOptions {
  /** Where the clock stands at first; the present when left out. */
  readonly now?: Date | undefined;
  /** Real time after which `drain`, `advance` and `waitFor` give up; 10 s when left out. */
  readonly timeout?: Span | undefined;
}

/**
 * A broker in memory for tests, with a clock of its own: no port, no file, no sleep. What hangs on time stands still until `advance`:
 * delays, run times, back-off, snoozes, retention, and time-outs of handlers that run. Real is only what handlers themselves wait
 * for, what keeps a connection alive, and the bound `timeout`.
 */
export interface TestConveyor extends AsyncDisposable {
  /** Enqueues and looks, as what `connect()` gives. */
  readonly client: Conveyor;
  /** A worker, as `createWorker()` makes one. The first `drain`, `advance` or `waitFor` runs it where the test has not. */
  worker(options?: EmbeddedWorkerOptions): Worker;
  /** The time of the clock. */
  now(): Date;
  /** Runs until nothing is runnable: no handler runs, and no job is ready that a worker takes. Throws TIMED_OUT. */
  drain(): Promise<void>;
  /**
   * Moves the clock ahead, from one due job to the next, and runs each time what became due. Handlers that still run after
   * 100 ms of real time are left running meanwhile: their time-outs come, too. Throws TIMED_OUT.
   */
  advance(span: Span): Promise<void>;
  /**
   * Resolves with the job once it is in `state`, running what is runnable. Throws JOB_FAILED when it ended otherwise, TIMED_OUT
   * when nothing can bring it there without more time, another worker or another job.
   */
  waitFor(job: string | { readonly id: string }, state: JobState): Promise<JobInfo>;
  /** Stops workers at once, and ends with all jobs. */
  close(): Promise<void>;
}

const timeoutMsDefault = 10_000;
const patienceMs = 100;
/** Longer than any test moves its clock: what keeps a connection alive is real time. */
const never = 1_000 * 365 * 24 * 3_600_000;
const intervals = {
  sessionTtlMs: never,
  bufferedMsMax: never,
  watchdogMs: never,
  pollMs: 20,
  stopMs: 1_000,
  drainMs: 0,
};

/** A broker, a client and workers for one test. Throws INVALID_OPTION. */
export async function testConveyor(options: TestConveyorOptions = {}): Promise<TestConveyor> {
  const timeoutMs = parseSpan(options.timeout ?? timeoutMsDefault, "timeout");
  const clock = createVirtualClock((options.now ?? new Date()).getTime());
  const stage = await openStage(clock);
  const brokerClock = { ...clock, elapsed: () => performance.now() };
  const app = await serveStore({ store: stage.store, intervals, clock: brokerClock, workerClock: clock });
  const workers = new Set<Worker>();
  let failure: { readonly error: unknown } | undefined;

  function startWorkers(): void {
    for (const worker of workers) {
      if (worker.health().state !== "idle") continue;
      worker.run({ signals: false }).catch((error: unknown) => {
        failure ??= { error };
      });
    }
  }

  function connecting(): boolean {
    return [...workers].some((worker) => ["idle", "connecting"].includes(worker.health().state));
  }

  /** Runs what is runnable now; undefined: it was `enough`. */
  async function settle(
    what: string,
    { enough = () => false, ...rest }: Pick<QuietOptions, "patienceMs"> & Partial<QuietOptions>,
  ) {
    startWorkers();
    const endsAt = performance.now() + timeoutMs;
    const within = async () => {
      if (failure !== undefined) throw failure.error;
      if (await enough()) return true;
      if (performance.now() < endsAt) return false;
      throw new ConveyorError("TIMED_OUT", `${what} was not over in ${timeoutMs} ms of real time; ${await standing()}`);
    };
    return untilQuiet(stage, { ...rest, enough: within, connecting });
  }

  /** What is in the way, for an error. */
  async function standing(): Promise<string> {
    const jobs: string[] = [];
    for await (const { id, type, state } of app.client.list({ states: ["READY", "RUNNING"] })) {
      if (jobs.length < 5) jobs.push(`${type} ${id} is ${state}`);
    }
    return jobs.length === 0 ? "nothing is ready and nothing runs" : jobs.join(", ");
  }

  async function advance(span: Span): Promise<void> {
    const what = `advance(${JSON.stringify(span)})`;
    let leftMs = Math.ceil(parseSpan(span, "advance"));
    await settle(what, { patienceMs });
    while (leftMs > 0) {
      const next = Math.min(stage.nextInMs() ?? leftMs, clock.nextInMs() ?? leftMs);
      const stepMs = Math.min(leftMs, Math.max(1, Math.ceil(next)));
      clock.move(stepMs);
      leftMs -= stepMs;
      await settle(what, { patienceMs });
    }
  }

  async function waitFor(job: string | { readonly id: string }, state: JobState): Promise<JobInfo> {
    const id = typeof job === "string" ? job : job.id;
    let seen = await app.client.get(id);
    await settle(`waitFor(${id}, ${state})`, {
      patienceMs: undefined,
      async enough() {
        if (seen.state !== state) seen = await app.client.get(id);
        return seen.state === state || isTerminal(seen.state);
      },
    });
    if (seen.state !== state) seen = await app.client.get(id); // it may have moved between the last look and the end
    if (seen.state === state) return seen;
    const resource = { type: "job", name: id } as const;
    const stands = `job ${id} (${seen.type}) is ${seen.state}, not ${state}`;
    if (isTerminal(seen.state)) {
      const error = seen.attempts.findLast((attempt) => attempt.error)?.error;
      const why = error === undefined ? "" : `; its last attempt failed with ${error.name}: ${error.message}`;
      throw new ConveyorError("JOB_FAILED", `${stands}${why}`, { details: { resource } });
    }
    const dueMs = stage.nextInMs();
    const hint =
      dueMs === undefined ? "no job waits for its time" : `the next job is due in ${dueMs} ms: advance() the clock`;
    throw new ConveyorError("TIMED_OUT", `${stands}, and nothing moves any more: ${await standing()}; ${hint}`, {
      details: { resource },
    });
  }

  async function close(): Promise<void> {
    await app.close({ deadlineMs: 0 });
    await stage.close();
  }

  return {
    client: app.client,
    worker(workerOptions) {
      const worker = app.worker(workerOptions);
      workers.add(worker);
      return worker;
    },
    now: () => new Date(clock.now()),
    async drain() {
      await settle("drain()", { patienceMs: undefined });
    },
    advance,
    waitFor,
    close,
    [Symbol.asyncDispose]: close,
  };
}
