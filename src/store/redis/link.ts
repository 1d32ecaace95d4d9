import { sleep } from "../../runtime/abort.ts";
import { type Deferred, deferred } from "../../runtime/deferred.ts";
import { fullJitterMs } from "../../runtime/retry.ts";
import type { Client } from "./client.ts";

/**
 * One server that is kept connected: up (a client that passed its checks) -> down (being connected again, with back-off, for
 * ever) -> up … -> closed. Who waits for it while it is down learns at its deadline why it is.
 */
export interface Link {
  /** The present connection. Waits for one until `deadline` (of performance.now()), then throws the last failure. */
  client(deadline: number): Promise<Client>;
  close(): Promise<void>;
}

export interface LinkOptions {
  /** Connects and checks; throws why that is not possible now. */
  readonly connect: () => Promise<Client>;
  /** Called when a connection is there again after one was lost. */
  readonly onBack?: () => void;
}

const backoffMsMax = 2_000;

/** Keeps the link that `first`, when it is given, has begun. */
export function keepLink(options: LinkOptions, first?: Client): Link {
  const closing = new AbortController();
  let present: Client | undefined = first;
  let failure: unknown = new Error("not connected yet");
  let changed: Deferred<void> = deferred();

  function tell(): void {
    changed.resolve();
    changed = deferred();
  }

  async function run(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted; ) {
      try {
        present ??= await options.connect();
        if (closing.signal.aborted) break;
        if (present !== first) options.onBack?.();
        failures = 0;
        tell();
        await present.ended;
        failure = new Error("the connection was lost");
      } catch (error) {
        failure = error;
        failures += 1;
      }
      present = undefined;
      await sleep(fullJitterMs(failures, { maxMs: backoffMsMax, random: Math.random }), closing.signal).catch(() => undefined);
    }
    present?.close();
  }

  const done = run();
  return {
    async client(deadline) {
      for (;;) {
        if (present?.isOpen) return present;
        const leftMs = deadline - performance.now();
        if (leftMs <= 0 || closing.signal.aborted) throw failure;
        const waiting = new AbortController();
        const timer = sleep(leftMs, AbortSignal.any([waiting.signal, closing.signal])).catch(() => undefined);
        await Promise.race([changed.promise, timer]);
        waiting.abort();
      }
    },
    async close() {
      closing.abort();
      present?.close();
      await done;
    },
  };
}
