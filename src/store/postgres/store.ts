import { createIds } from "../../runtime/ids.ts";
import type { Store, StoreOptions } from "../store.ts";
import { dump } from "./dump.ts";
import { listChildResults } from "./list-child-results.ts";
import { listJobs } from "./list-jobs.ts";
import { createNewsWire, silentNews } from "./news.ts";
import { openConnection } from "./open-connection.ts";
import { getChain } from "./read-chain.ts";
import { getJob, getStatuses, leasePrincipal, readTime } from "./read-job.ts";
import { getQueue } from "./read-queue.ts";
import { durabilityOf } from "./server-facts.ts";
import { parseStoreUrl } from "./store-url.ts";
import { createWrites } from "./writes.ts";

export interface PostgresStoreOptions extends StoreOptions {
  /** Allows settings of the server that can lose acknowledged jobs. */
  readonly allowLossy?: boolean;
}

/**
 * Opens the store in a schema of a PostgreSQL database (13 or newer), making the schema when it is missing; see `parseStoreUrl`
 * for the URL. Any number of brokers at a time. Throws INVALID_OPTION, STORE_UNAVAILABLE, STORE_DENIED, STORE_TOO_OLD,
 * STORE_TOO_NEW, STORE_READ_ONLY, STORE_LOSSY, STORE_CORRUPT, STORE_FULL.
 */
export async function openPostgresStore(url: string, options: PostgresStoreOptions): Promise<Store> {
  const address = parseStoreUrl(url);
  const ids = createIds();
  const { allowLossy = false, clock } = options;
  const { connection, pool, facts } = await openConnection(address, { allowLossy, clock, random: ids.random });
  const news = address.hints
    ? createNewsWire({ config: pool.config, schema: address.schema, broker: ids.nonce(), random: ids.random })
    : silentNews();
  let isClosed = false;
  return {
    description: { kind: "postgres", location: address.location, durability: durabilityOf(facts), flights: 2 },
    ...createWrites(connection, options),
    getJob: (id) => getJob(connection, id),
    listJobs: (filter, page) => listJobs(connection, filter, page),
    getChain: (id, request) => getChain(connection, id, request),
    listChildResults: (leaseId, filter, page) => listChildResults(connection, { leaseId, filter, page }),
    leasePrincipal: (leaseId) => leasePrincipal(connection, leaseId),
    getStatuses: (ids) => getStatuses(connection, ids),
    getQueue: (name) => getQueue(connection, name),
    readTime: () => readTime(connection),
    announce: (told) => news.announce(told),
    listen: (listener) => news.listen(listener),
    dump: () => dump(connection),
    async close() {
      if (isClosed) return;
      isClosed = true;
      await Promise.all([news.close(), pool.close()]);
    },
  };
}
