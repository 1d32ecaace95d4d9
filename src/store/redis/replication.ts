import { type Deferred, deferred } from "../../runtime/deferred.ts";
import type { Client } from "./client.ts";
import { TooFewReplicas } from "./storage-error.ts";
import type { RedisSettings } from "./store-url.ts";

/** The connection to a server that a store works with. */
export interface ServerClient extends Client {
  /**
   * Resolves when as many replicas as the URL asks for have all that the server has now, at once when it asks for none. `key`:
   * a hash on this server. Throws TooFewReplicas, or whatever else went wrong: then nobody knows.
   */
  replicated(key: string): Promise<void>;
}

/**
 * The connection `client` with another to the same server for WAIT, which holds up all that comes after it on its connection.
 * One WAIT is under way at a time: those who come meanwhile share the next. They end together.
 */
export function withReplicas(client: Client, waiter: Client, settings: RedisSettings): ServerClient {
  let isWaiting = false;
  let next: Deferred<void> | undefined;

  function close(): void {
    client.close();
    waiter.close();
  }

  async function waitInTurn(key: string): Promise<void> {
    isWaiting = true;
    for (let round = next; round !== undefined; round = next) {
      next = undefined;
      await untilReplicated(waiter, key, settings).then(round.resolve, round.reject);
    }
    isWaiting = false;
  }

  return {
    get isOpen() {
      return client.isOpen && waiter.isOpen;
    },
    call: (command, ...args) => client.call(command, ...args),
    replicated(key) {
      next ??= deferred();
      const { promise } = next;
      if (!isWaiting) void waitInTurn(key);
      return promise;
    },
    ended: Promise.race([client.ended, waiter.ended]).then(close),
    close,
  };
}

/** The connection as it is, where no replica is asked for. */
export function withoutReplicas(client: Client): ServerClient {
  return {
    get isOpen() {
      return client.isOpen;
    },
    call: (command, ...args) => client.call(command, ...args),
    replicated: async () => undefined,
    ended: client.ended,
    close: () => client.close(),
  };
}

/**
 * By a write of its own, which WAIT needs, since it tells of what its connection wrote: all that the server wrote before it is
 * waited for with it, also a change of an earlier try, over a connection that is gone.
 */
async function untilReplicated(waiter: Client, key: string, { wait, waitMs }: RedisSettings): Promise<void> {
  const [, reached] = await Promise.all([waiter.call("HINCRBY", key, "waits", 1), waiter.call("WAIT", wait, waitMs)]);
  if (typeof reached === "number" && reached >= wait) return;
  throw new TooFewReplicas(`${String(reached)} of ${wait} replicas answered within ${waitMs} ms`);
}
