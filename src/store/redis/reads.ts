import type { Store } from "../store.ts";
import type { Connection } from "./connection.ts";
import { dump } from "./dump.ts";
import { findJobs } from "./find-jobs.ts";
import { getJob } from "./get-job.ts";
import { leasePrincipal } from "./lease-principal.ts";
import { listChildResults } from "./list-child-results.ts";
import { listJobs } from "./list-jobs.ts";
import { getQueue } from "./queues.ts";
import { getChain } from "./read-chain.ts";
import { timeReader } from "./read-time.ts";

type Reads = Pick<
  Store,
  | "getJob"
  | "listJobs"
  | "getChain"
  | "listChildResults"
  | "leasePrincipal"
  | "getStatuses"
  | "getQueue"
  | "readTime"
  | "dump"
>;

/** All verbs that change nothing. */
export function createReads(connection: Connection, location: string): Reads {
  return {
    getJob: (id) => getJob(connection, id),
    listJobs: (filter, page) => listJobs(connection, filter, page),
    getChain: (id, request) => getChain(connection, id, request),
    listChildResults: (leaseId, filter, page) => listChildResults(connection, { leaseId, filter, page }),
    leasePrincipal: (leaseId) => leasePrincipal(connection, leaseId),
    getStatuses: async (ids) => {
      const found = await findJobs(connection, ids);
      return found.map((job) =>
        job === undefined ? undefined : { state: job.state, ran: job.ran, version: job.version },
      );
    },
    getQueue: (name) => getQueue(connection, name),
    readTime: timeReader(connection, location),
    dump: () => dump(connection),
  };
}
