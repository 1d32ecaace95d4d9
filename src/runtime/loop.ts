import { aborted, sleep } from "./abort.ts";
import { turnOfEventLoop } from "./deferred.ts";
import type { Logger } from "./logger.ts";
import type { Service } from "./service.ts";

export interface LoopOptions {
  readonly name: string;
  /** One step; answers in how many ms the next is due (undefined: after `intervalMs`). Never runs twice at once. */
  readonly run: (signal: AbortSignal) => Promise<number | undefined>;
  /** Longest pause between two steps. */
  readonly intervalMs: number;
  readonly logger: Logger;
  /** 0 to below 1; moves each full pause by up to a tenth, so that many brokers do not step at once. */
  readonly random?: () => number;
}

export interface Loop extends Service {
  /** The next step runs at once, or right after the present one. */
  wake(): void;
  /** The next step runs at the latest in `ms`. */
  wakeIn(ms: number): void;
}

const backoffMsMin = 100;
const backoffMsMax = 5_000;

/**
 * Work that repeats: idle -> running -> sleeping -> running … -> stopped.
 * A step that throws is tried again after 100 ms doubling to 5 s, whatever wakes it in between.
 */
export function createLoop(options: LoopOptions): Loop {
  const random = options.random ?? Math.random;
  const stopping = new AbortController();
  let done: Promise<void> | undefined;
  let nap = new AbortController();
  let dueAt = Number.POSITIVE_INFINITY;
  let failures = 0;

  async function turn(): Promise<void> {
    while (!stopping.signal.aborted) {
      dueAt = Number.POSITIVE_INFINITY;
      const pauseMs = await step();
      dueAt = Math.min(dueAt, performance.now() + pauseMs);
      if (failures > 0) await rest(pauseMs, stopping.signal);
      else await doze();
    }
  }

  async function step(): Promise<number> {
    try {
      const askedMs = await options.run(stopping.signal);
      failures = 0;
      return Math.max(0, Math.min(askedMs ?? Number.POSITIVE_INFINITY, options.intervalMs * (1 - random() / 10)));
    } catch (error) {
      if (stopping.signal.aborted) return 0;
      failures += 1;
      const pauseMs = Math.min(backoffMsMax, backoffMsMin * 2 ** (failures - 1));
      options.logger.warn("loop failed", { loop: options.name, failures, pauseMs, error });
      return pauseMs;
    }
  }

  async function doze(): Promise<void> {
    while (!stopping.signal.aborted) {
      const restMs = dueAt - performance.now();
      if (restMs <= 0) {
        // A step that asks to be run again at once must still let the event loop turn.
        await turnOfEventLoop();
        return;
      }
      nap = new AbortController();
      await rest(restMs, AbortSignal.any([nap.signal, stopping.signal]));
    }
  }

  function wakeIn(ms: number): void {
    const at = performance.now() + ms;
    if (at >= dueAt) return;
    dueAt = at;
    nap.abort();
  }

  return {
    async start() {
      done ??= turn();
    },
    async stop() {
      stopping.abort(aborted(`loop ${options.name} stops`));
      await done;
    },
    wake: () => wakeIn(0),
    wakeIn,
  };
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, signal).catch(() => undefined);
}
