import pg from "pg";
import { ConveyorError } from "../../core/errors.ts";
import { within } from "../../runtime/abort.ts";
import { checkServer, greetings, type ServerFacts, statementMsMax, type UsePolicy } from "./server-facts.ts";
import { type Failure, failureOf } from "./storage-error.ts";
import type { StoreAddress } from "./store-url.ts";
import { tlsOptions } from "./tls.ts";

/** A little more than the server's own bound, so that its answer comes first; a half-open socket ends by it. */
const answerMsMax = statementMsMax + 3_000;
const idleMs = 60_000;
const closeMs = 2_000;

/** What a try on a connection threw, seen through; `failure.error` is to be told. */
export class TryFailed extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super("a try failed", { cause: failure.error });
    this.failure = failure;
  }
}

/** The connections to one server: open -> closed. */
export interface ServerPool {
  /**
   * Lends a connection, which was checked when it was new, for one try; one that broke, or is no longer to be trusted, does not come
   * back. Throws TryFailed.
   */
  use<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  /** As the newest connection found the server. */
  facts(): ServerFacts | undefined;
  /** For a connection beside the pool. */
  readonly config: pg.ClientConfig;
  close(): Promise<void>;
}

/** Makes the pool; it connects when it is used. Throws INVALID_OPTION for files of TLS that cannot be read. */
export function createServerPool(address: StoreAddress, policy: UsePolicy): ServerPool {
  const config = configOf(address);
  /** With the generation in which each was made. */
  const clients = new Map<pg.PoolClient, number>();
  let generation = 0;
  let known: ServerFacts | undefined;
  let isClosed = false;

  const pool = new pg.Pool({
    ...config,
    max: address.poolSize,
    idleTimeoutMillis: idleMs,
    onConnect: async (client: pg.ClientBase) => {
      known = await greet(client, policy);
    },
  });
  // An idle connection that breaks is replaced when the next one is asked for.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => clients.set(client, generation));
  pool.on("remove", (client) => clients.delete(client));

  /** A connection of the newest generation. */
  async function borrow(): Promise<pg.PoolClient> {
    for (;;) {
      const client = await pool.connect();
      if (clients.get(client) === generation) return client;
      client.release(true);
    }
  }

  async function use<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    if (isClosed) throw new ConveyorError("CLOSED", "the store is closed");
    const client = await borrow().catch((error: unknown) => {
      throw failed(error, false);
    });
    let isBroken = false;
    const onError = (): void => {
      isBroken = true;
    };
    client.on("error", onError);
    try {
      return await work(client);
    } catch (error) {
      // Only what the server itself says of a statement leaves the connection as it was.
      isBroken ||= !(error instanceof pg.DatabaseError) || error.severity !== "ERROR";
      throw failed(error, true);
    } finally {
      client.off("error", onError);
      client.release(isBroken);
    }
  }

  function failed(error: unknown, sent: boolean): TryFailed {
    if (isClosed) return new TryFailed(closed(error));
    const failure = failureOf(error, { location: address.location, sent });
    // After a failover no connection of before is to be used again.
    if (failure.dropAll) generation += 1;
    return new TryFailed(failure);
  }

  return {
    use,
    facts: () => known,
    config,
    async close() {
      if (isClosed) return;
      isClosed = true;
      if (await within(pool.end(), closeMs)) return;
      // Half-open sockets would keep the process for long.
      for (const client of clients.keys()) cut(client);
    },
  };
}

function closed(cause: unknown): Failure {
  const error = new ConveyorError("CLOSED", "the store was closed meanwhile", { cause });
  return { error, passing: false, unknown: false, dropAll: false };
}

/** Looks whether the server may be used, and prepares a session of our own. */
async function greet(client: pg.ClientBase, policy: UsePolicy): Promise<ServerFacts> {
  let found: ServerFacts | undefined;
  for (const text of greetings(policy)) {
    const { rows } = await client.query<ServerFacts>(text);
    found = rows[0];
  }
  if (found === undefined) throw new Error("the server answered nothing about itself");
  checkServer(found, policy);
  return found;
}

/** Ends a connection without waiting for the server. */
export function cut(client: pg.ClientBase): void {
  // The driver shows its socket to nobody; without it a half-open one lives until the system gives it up.
  const { connection } = client as unknown as { readonly connection?: { readonly stream?: { destroy(): void } } };
  connection?.stream?.destroy();
}

function configOf(address: StoreAddress): pg.ClientConfig {
  const { host, port, database, user, password, connectMs } = address;
  return {
    host,
    port,
    database,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ssl: tlsOptions(address) ?? false,
    application_name: "conveyor",
    connectionTimeoutMillis: connectMs,
    query_timeout: answerMsMax,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: { getTypeParser: parserOf },
  };
}

const int8 = 20;

/** Whole numbers of ours are times and counts, all below 2^53. */
function parserOf(type: number, format?: "text" | "binary"): (text: string) => unknown {
  return type === int8 ? Number : pg.types.getTypeParser(type, format);
}
