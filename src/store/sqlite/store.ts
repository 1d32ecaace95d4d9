import { ConveyorError } from "../../core/errors.ts";
import { defaultRetention, type Retention } from "../../core/job.ts";
import type { CommitAnswer, CommitBatch } from "../commit.ts";
import type { Store, StoreOptions } from "../store.ts";
import { cancel } from "./cancel.ts";
import { cascade } from "./cascade.ts";
import { claim } from "./claim.ts";
import { dump } from "./dump.ts";
import { expand } from "./expand.ts";
import { insert } from "./insert.ts";
import { getJob } from "./job-record.ts";
import { judgeParents } from "./judge.ts";
import { leasePrincipal } from "./lease-principal.ts";
import { listChildResults } from "./list-child-results.ts";
import { listJobs } from "./list-jobs.ts";
import { lockStore } from "./lock.ts";
import { openFile, resolveFile } from "./open-file.ts";
import { promote } from "./promote.ts";
import { propagate } from "./propagate.ts";
import { prune } from "./prune.ts";
import { getQueue, updateQueue } from "./queues.ts";
import { getChain } from "./read-chain.ts";
import { reap } from "./reap.ts";
import { remove } from "./remove.ts";
import { report } from "./report.ts";
import { retry } from "./retry.ts";
import { closeSession, detachSession, openSession, renew, resumeSession } from "./sessions.ts";
import { settle } from "./settle.ts";
import { stage } from "./stage.ts";
import { getStatuses } from "./statuses.ts";
import { effectsOf, type Step } from "./step.ts";
import { type Reading, type Synchronous, Transactions } from "./transactions.ts";

export interface SqliteStoreOptions extends StoreOptions {
  /** FULL unless told: below it a power cut can lose what was acknowledged. */
  readonly synchronous?: Synchronous;
  /** Allows a `synchronous` below FULL. */
  readonly allowLossy?: boolean;
}

/**
 * Opens the file at `path` as a store, making it when it is new; its folder must be there. One broker at a time.
 * Throws STORE_IN_USE, STORE_CORRUPT, STORE_TOO_NEW, STORE_READ_ONLY, STORE_LOSSY, STORE_UNAVAILABLE.
 */
export async function openSqliteStore(path: string, options: SqliteStoreOptions): Promise<Store> {
  const synchronous = options.synchronous ?? "FULL";
  if (synchronous !== "FULL" && options.allowLossy !== true) {
    throw new ConveyorError(
      "STORE_LOSSY",
      `synchronous=${synchronous} can lose acknowledged jobs in a power cut: leave it out, or allow it with --allow-lossy`,
    );
  }
  const location = resolveFile(path);
  const lock = lockStore(location);
  try {
    const db = openFile(location);
    const { defaults, clock = Date.now } = options;
    const transactions = new Transactions(db, { location, defaults, clock, synchronous });
    const close = (): void => {
      db.close();
      lock.release();
    };
    return storeOver(transactions, { location, synchronous, retention: options.retention ?? defaultRetention, close });
  } catch (error) {
    lock.release();
    throw error;
  }
}

const durability: Readonly<Record<Synchronous, string>> = {
  FULL: "every acknowledged change is on disk (WAL, synchronous=FULL)",
  NORMAL: "survives a crash of the broker; a power cut can lose the last moments (synchronous=NORMAL)",
  OFF: "survives a crash of the broker; a power cut can damage the file (synchronous=OFF)",
};

/** The verbs over an opened file; `close` gives up what holds it. */
export function storeOver(
  transactions: Transactions,
  file: {
    readonly location: string;
    readonly synchronous: Synchronous;
    readonly retention: Retention;
    readonly close: () => void;
  },
): Store {
  let isClosed = false;
  const check = (): void => {
    if (isClosed) throw new ConveyorError("CLOSED", "the store is closed");
  };
  const read = async <T>(work: (reading: Reading) => T): Promise<T> => {
    check();
    return transactions.read(work);
  };
  const write = async <T>(work: (step: Step) => T): Promise<T> => {
    check();
    return transactions.write(work);
  };
  const writeSoft = async <T>(work: (step: Step) => T): Promise<T> => {
    check();
    return transactions.writeSoft(work);
  };
  return {
    description: { kind: "sqlite", location: file.location, durability: durability[file.synchronous] },
    commit: (batch) => (acknowledges(batch) ? write : writeSoft)((step) => commit(step, batch)),
    openSession: (session) => write((step) => openSession(step, session)),
    resumeSession: (request) => write((step) => resumeSession(step, request)),
    detachSession: (request) => write((step) => detachSession(step, request)),
    closeSession: (ref) => write((step) => ({ count: closeSession(step, ref), more: false, effects: effectsOf(step) })),
    promote: ({ max }) => writeSoft((step) => promote(step, max)),
    reap: (request) => write((step) => reap(step, request)),
    propagate: ({ max }) => write((step) => propagate(step, max)),
    cascade: ({ max }) => write((step) => cascade(step, max)),
    expand: ({ max }) => writeSoft((step) => expand(step, max)),
    prune: ({ max }) => writeSoft((step) => prune(step, { max, retention: file.retention })),
    cancel: (items) =>
      write((step) => ({ answers: items.map((item) => cancel(step, item)), effects: effectsOf(step) })),
    retry: (items) => write((step) => ({ answers: items.map((item) => retry(step, item)), effects: effectsOf(step) })),
    remove: (roots, { max }) => write((step) => remove(step, roots, max)),
    stage: (items) => write((step) => items.map((item) => stage(step, item))),
    report: (items) =>
      writeSoft((step) => {
        for (const item of items) report(step, item);
      }),
    getJob: (id) => read((reading) => getJob(reading, id)),
    listJobs: (filter, page) => read((reading) => listJobs(reading, filter, page)),
    getChain: (id, request) => getChain(read, id, request),
    listChildResults: (leaseId, filter, page) =>
      read((reading) => listChildResults(reading, { leaseId, filter, page })),
    leasePrincipal: (leaseId) => read((reading) => leasePrincipal(reading, leaseId)),
    getStatuses: (ids) => read((reading) => getStatuses(reading, ids)),
    getQueue: (name) => read((reading) => getQueue(reading, name)),
    updateQueue: async (name, change) => {
      await write((step) => updateQueue(step, name, change));
      const record = await read((reading) => getQueue(reading, name));
      if (record === undefined) throw new Error(`queue ${name} is missing`);
      return record;
    },
    readTime: () => read((reading) => reading.now),
    // One broker at a time has the file: there is nobody to tell, and nobody to hear.
    announce: () => undefined,
    listen: () => () => undefined,
    dump: () => read(dump),
    close: async () => {
      if (isClosed) return;
      isClosed = true;
      file.close();
    },
  };
}

/** Claims and renewals acknowledge nothing: undone by a power cut they are as if they had not come. */
function acknowledges(batch: CommitBatch): boolean {
  return batch.settle.length > 0 || batch.insert.length > 0;
}

function commit(step: Step, batch: CommitBatch): CommitAnswer {
  const renewed = batch.renew.map((item) => renew(step, item));
  const settled = batch.settle.map((item) => settle(step, item));
  judgeParents(step);
  const inserted = batch.insert.map((item) => insert(step, item));
  const claimed = batch.claim.map((item) => claim(step, item));
  return { renewed, settled, inserted, claimed, effects: effectsOf(step) };
}
