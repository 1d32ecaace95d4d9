import type { ConveyorError } from "../../core/errors.ts";
import { sleep } from "../../runtime/abort.ts";
import { type Deferred, deferred } from "../../runtime/deferred.ts";
import { fullJitterMs } from "../../runtime/retry.ts";
import type { Client } from "./client.ts";
import { storageError, storeError } from "./storage-error.ts";

/**
 * One server that is kept connected: down (being connected, with back-off, for ever) -> up (a client that passed its checks) ->
 * down … -> closed. Who waits for it while it is down learns at its deadline why it is.
 */
export interface Link<C extends Client> {
  /** The present connection. Waits for one until `deadline` (of performance.now()), then throws the last failure. */
  client(deadline: number): Promise<C>;
  /** As `client`, but throws the first failure at once: for a start. */
  first(deadline: number): Promise<C>;
  close(): Promise<void>;
}

export interface LinkOptions<C extends Client> {
  /** Whose server it is, for errors. */
  readonly location: string;
  /** Connects and checks; throws why that is not possible now. */
  readonly connect: () => Promise<C>;
  /** Called when a connection is there again, but not for the one that the link began with. */
  readonly onBack?: () => void;
}

const backoffMsMax = 2_000;

/** Keeps the link up that `begun`, when it is given, has begun. */
export function keepLink<C extends Client>(options: LinkOptions<C>, begun?: C): Link<C> {
  const { location } = options;
  const closing = new AbortController();
  const unavailable = (text: string): ConveyorError => storeError("STORE_UNAVAILABLE", location, text);
  let present: C | undefined = begun;
  let failure: unknown = unavailable("is not connected yet");
  let failures = 0;
  let changed: Deferred<void> = deferred();

  function tell(): void {
    changed.resolve();
    changed = deferred();
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      try {
        present ??= await options.connect();
        if (closing.signal.aborted) break;
        failures = 0;
        if (present !== begun) options.onBack?.();
        tell();
        await present.ended;
        failure = unavailable("was lost and is being connected again");
      } catch (error) {
        failure = storageError(error, location);
        failures += 1;
        tell();
      }
      present = undefined;
      const pauseMs = fullJitterMs(failures, { maxMs: backoffMsMax, random: Math.random });
      await sleep(pauseMs, closing.signal).catch(() => undefined);
    }
    present?.close();
  }

  async function untilChanged(ms: number): Promise<void> {
    const waiting = new AbortController();
    const timer = sleep(ms, AbortSignal.any([waiting.signal, closing.signal])).catch(() => undefined);
    await Promise.race([changed.promise, timer]);
    waiting.abort();
  }

  async function client(deadline: number, failuresMax: number): Promise<C> {
    for (;;) {
      if (present?.isOpen) return present;
      const leftMs = deadline - performance.now();
      if (leftMs <= 0 || failures >= failuresMax || closing.signal.aborted) throw failure;
      await untilChanged(leftMs);
    }
  }

  const done = run();
  return {
    client: (deadline) => client(deadline, Number.POSITIVE_INFINITY),
    first: (deadline) => client(deadline, 1),
    async close() {
      closing.abort();
      tell();
      present?.close();
      await done;
    },
  };
}
