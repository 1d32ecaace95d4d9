import { ConveyorError } from "../../core/errors.ts";
import { defaultRetention } from "../../core/job.ts";
import type { Transition } from "../../core/transition.ts";
import type { CommitAnswer, CommitBatch } from "../commit.ts";
import type { StoreDump } from "../dump.ts";
import type { News } from "../effects.ts";
import type { Store, StoreOptions } from "../store.ts";
import { cancelItem } from "./cancel.ts";
import { settleFlips } from "./chain.ts";
import { claimItem } from "./claim.ts";
import { createMemoryData, type MemoryData } from "./data.ts";
import { insertItem } from "./insert.ts";
import { leasePrincipal } from "./lease-principal.ts";
import { queueRecord, updateQueue } from "./queues.ts";
import { getChain } from "./read-chain.ts";
import { listChildResults } from "./read-children.ts";
import { detailOf, dumpedOf, listJobs, statusOf } from "./read-jobs.ts";
import { reportItem } from "./report.ts";
import { prune, removeChains } from "./retention.ts";
import { retryItem } from "./retry.ts";
import { closeSession, detachSession, openSession, renewItem, resumeSession } from "./sessions.ts";
import { settleItem } from "./settle.ts";
import { expand, stageItem } from "./stage.ts";
import type { Tables } from "./tables.ts";
import { cascade, promote, propagate, reap } from "./upkeep.ts";
import { beginWrite, effectsOf, type Write } from "./write.ts";

export interface MemoryStoreOptions extends StoreOptions {
  /** Hears of every move of a job once it is committed: the coverage of the model proof. */
  readonly onTransition?: (transition: Transition) => void;
  /** What other stores of this process work on as well, as several brokers do on one store; its own unless told. */
  readonly data?: MemoryData;
}

/** Opens a store that lives as long as the process, empty unless it is given data: the pure model behind the contract. */
export async function openMemoryStore(options: MemoryStoreOptions): Promise<Store> {
  const { data = createMemoryData(), clock = Date.now, retention = defaultRetention } = options;
  const { tables } = data;
  const listeners = new Set<(news: News | undefined) => void>();
  let closed = false;

  const readTime = (): number => {
    data.now = Math.max(data.now, clock());
    return data.now;
  };

  async function read<T>(work: (now: number) => T): Promise<T> {
    if (closed) throw new ConveyorError("CLOSED", "the store is closed");
    return work(readTime());
  }

  /** Does all of `work` or, when it throws, nothing. */
  function write<T>(work: (write: Write) => T): Promise<T> {
    return read((now) => {
      const begun = beginWrite(tables, now, options.defaults);
      try {
        const answer = work(begun);
        tables.journal.commit();
        for (const each of begun.transitions) options.onTransition?.(each);
        return answer;
      } catch (error) {
        tables.journal.rollback();
        throw error;
      }
    });
  }

  return {
    description: { kind: "memory", location: "memory", durability: "none: what is acknowledged ends with the process" },
    commit: (batch) => write((begun) => commit(begun, batch)),
    openSession: (session) => write((begun) => openSession(begun, session)),
    resumeSession: (request) => write((begun) => resumeSession(begun, request)),
    detachSession: (request) => write((begun) => detachSession(begun, request)),
    closeSession: (ref) =>
      write((begun) => ({ count: closeSession(begun, ref), more: false, effects: effectsOf(begun) })),
    promote: ({ max }) => write((begun) => promote(begun, max)),
    reap: (request) => write((begun) => reap(begun, request)),
    propagate: ({ max }) => write((begun) => propagate(begun, max)),
    cascade: ({ max }) => write((begun) => cascade(begun, max)),
    expand: ({ max }) => write((begun) => expand(begun, max)),
    prune: ({ max }) => write((begun) => prune(begun, { max, retention })),
    cancel: (items) =>
      write((begun) => ({ answers: items.map((item) => cancelItem(begun, item)), effects: effectsOf(begun) })),
    retry: (items) =>
      write((begun) => ({ answers: items.map((item) => retryItem(begun, item)), effects: effectsOf(begun) })),
    remove: (roots, { max }) => write((begun) => removeChains(begun, roots, max)),
    stage: (items) => write((begun) => items.map((item) => stageItem(begun, item))),
    report: (items) =>
      write((begun) => {
        for (const item of items) reportItem(begun, item);
      }),
    getJob: (id) =>
      read(() => {
        const row = tables.job(id);
        return row === undefined ? undefined : detailOf(tables, row);
      }),
    listJobs: (filter, page) => read(() => listJobs(tables, filter, page)),
    getChain: (id, request) => read(() => getChain(tables, id, request)),
    listChildResults: (leaseId, filter, page) => read(() => listChildResults(tables, { leaseId, filter, page })),
    leasePrincipal: (leaseId) => read(() => leasePrincipal(tables, leaseId)),
    getStatuses: (ids) =>
      read(() =>
        ids.map((id) => {
          const row = tables.job(id);
          return row === undefined ? undefined : statusOf(row);
        }),
      ),
    getQueue: (name) => read((now) => queueRecord(tables, name, now)),
    updateQueue: (name, change) =>
      write((begun) => {
        updateQueue(tables, name, change);
        const record = queueRecord(tables, name, begun.now);
        if (record === undefined) throw new Error(`queue ${name} is missing`);
        return record;
      }),
    readTime: () => read((now) => now),
    announce(news) {
      if (!closed) data.spread(news, listeners);
    },
    listen: (listener) => data.listen(listener, listeners),
    dump: () => read((now) => dump(tables, now)),
    close: async () => {
      closed = true;
      data.leave(listeners);
    },
  };
}

function commit(write: Write, batch: CommitBatch): CommitAnswer {
  const renewed = batch.renew.map((item) => renewItem(write, item));
  const settled = batch.settle.map((item) => settleItem(write, item));
  settleFlips(write);
  const inserted = batch.insert.map((item) => insertItem(write, item));
  const claimed = batch.claim.map((item) => claimItem(write, item));
  return { renewed, settled, inserted, claimed, effects: effectsOf(write) };
}

function dump(tables: Tables, now: number): StoreDump {
  return {
    jobs: [...tables.jobs()].map((row) => dumpedOf(tables, row)),
    sessions: tables
      .sessions()
      .map(({ id, epoch, expiresAt, buffered }) => ({ id, epoch, expiresAt, buffered: [...buffered] })),
    queues: tables
      .queues()
      .map(({ name }) => queueRecord(tables, name, now))
      .filter((queue) => queue !== undefined)
      .sort((left, right) => (left.name < right.name ? -1 : 1)),
  };
}
