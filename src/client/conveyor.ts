import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { type Queue, QueueService } from "../../gen/conveyor/v1/queue_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { parseSpan, type Span } from "../core/span.ts";
import { createIds } from "../runtime/ids.ts";
import type { Addresses } from "../wire/addresses.ts";
import { type Connection, connectionTo } from "../wire/connection.ts";
import type { Credentials } from "../wire/credentials.ts";
import type { AnyJobType, InitOf, ResultOf } from "../wire/job-stub.ts";
import {
  type BulkCancelOptions,
  type BulkOptions,
  type BulkResult,
  cancelJobs,
  deleteJobs,
  retryJobs,
} from "./bulk-jobs.ts";
import { type Calls, createCalls } from "./calls.ts";
import { type ChainInfo, readChain } from "./chain-info.ts";
import { type CancelOptions, cancelJob, deleteJob, retryJob } from "./change-jobs.ts";
import { type BatchEntries, type BatchEntry, type BatchOptions, createEnqueuer, type Enqueuer } from "./enqueuer.ts";
import { type EnqueueOptionsOf, type JobDraft, job } from "./job-draft.ts";
import type { JobFilter } from "./job-filter.ts";
import { getJob, type JobHandle, jobHandle, type WaitOptions } from "./job-handle.ts";
import type { JobInfo } from "./job-info.ts";
import { type ListOptions, listJobs } from "./list-jobs.ts";
import { type QueueInfo, type QueueUpdate, queueInfoOf, queueUpdateOf } from "./queue-info.ts";
import { createTransactionalEnqueuer, type TransactionalEnqueuer, type TransactionOptions } from "./transactional.ts";
import type { TreeDraft } from "./tree.ts";
import { type JobEvent, type JobGone, type Watched, watchJobs } from "./watch-jobs.ts";

export interface ConnectOptions extends Credentials {
  /** How long a broker or its store may be away before a call fails (BROKER_UNREACHABLE, STORE_UNAVAILABLE); a minute when left out. */
  readonly retryFor?: Span | undefined;
  /** The schema of the brokers' PostgreSQL store, for enqueueing with `tx`; "conveyor" when left out. */
  readonly storeSchema?: string | undefined;
}

const retryMsDefault = 60_000;

/**
 * A client of the broker at `address` (`host` or `host:port`), or of several brokers of one store, in a list or parted by commas.
 * It connects at the first call; a broker that is away is left for the next, and while all are, calls are tried again by
 * themselves, safely: every root job has its id before it is sent. Throws INVALID_OPTION.
 */
export function connect(address: Addresses, options: ConnectOptions = {}): Conveyor {
  return new Conveyor(connectionTo(address, options), options);
}

/** A producer's view of its broker or brokers: open -> closed. Every call may throw CLOSED, ABORTED (its signal) and BROKER_UNREACHABLE. */
export class Conveyor {
  readonly #calls: Calls;
  readonly #enqueuer: Enqueuer;
  readonly #transactional: TransactionalEnqueuer;

  constructor(connection: Connection, options: Omit<ConnectOptions, keyof Credentials>) {
    const ids = createIds();
    const retryMs = parseSpan(options.retryFor ?? retryMsDefault, "retryFor");
    this.#calls = createCalls({ ...connection, retryMs, random: ids.random });
    this.#enqueuer = createEnqueuer(this.#calls, { ids, retryMs });
    this.#transactional = createTransactionalEnqueuer(this.#calls, { ids, schema: options.storeSchema ?? "conveyor" });
  }

  /**
   * Enqueues a job; when it resolves, the job is durable. What is enqueued at the same time shares requests. Throws
   * PAYLOAD_INVALID, PAYLOAD_TOO_LARGE, INVALID_OPTION, INVALID_NAME, JOB_ID_EXISTS, REQUEST_ID_REUSED, SERVER_BUSY.
   * With `tx` it is part of a transaction of yours: the handle's calls find the job once that has committed.
   */
  async enqueue<Job extends AnyJobType, Result extends Message = Message>(
    type: Job,
    init: InitOf<Job>,
    options?: EnqueueOptionsOf<Job, Result> & WaitOptions & TransactionOptions,
  ): Promise<JobHandle<ResultOf<Job, Result>>> {
    const draft = job(type, init, options);
    const tx = options?.tx;
    if (tx === undefined) return this.#enqueuer.enqueue(draft, options ?? {});
    const [handle] = await this.#transactional.enqueue([draft], { ...options, tx });
    if (handle === undefined) throw new ConveyorError("INTERNAL", "the store's enqueue function answered no job");
    return handle;
  }

  /**
   * Enqueues many jobs and trees, each on its own unless `allOrNothing`; the answers stand in the order of the items. With `tx` only
   * jobs, and all or none: the first bad one fails the call, and your transaction.
   */
  async enqueueBatch<const Items extends readonly (JobDraft | TreeDraft)[]>(
    items: Items,
    options: BatchOptions & TransactionOptions = {},
  ): Promise<BatchEntries<Items>> {
    // The answers stand in the order of the items.
    return (await this.#enqueueBatch(items, options)) as BatchEntries<Items>;
  }

  /** Enqueues a job with everything below it, at once or not at all; the handle is the root's. Also throws TREE_INVALID, DUPLICATE_KEY. */
  enqueueTree<Result extends Message | undefined>(
    tree: TreeDraft<NoInfer<Result>> & { readonly job: JobDraft<Result> },
    options: WaitOptions = {},
  ): Promise<JobHandle<Result>> {
    return this.#enqueuer.enqueue(tree, options);
  }

  /** A handle of a job that was enqueued elsewhere; no call is made. */
  handle<Result extends Message = Message>(
    id: string,
    options: { readonly result?: GenMessage<Result> | undefined } = {},
  ): JobHandle<Result> {
    return jobHandle(this.#calls, { id, deduplicated: false, result: options.result });
  }

  /** A job with its payload, result and history; JOB_NOT_FOUND. */
  get(id: string, options: WaitOptions = {}): Promise<JobInfo> {
    return getJob(this.#calls, id, options.signal);
  }

  /** Every job that matches, newest first, read page by page as it is asked for. */
  list(options: ListOptions = {}): AsyncGenerator<JobInfo, void, undefined> {
    return listJobs(this.#calls, options);
  }

  /** Cancels a job and what is below it, see `JobHandle.cancel`; JOB_NOT_FOUND. */
  cancel(id: string, options: CancelOptions = {}): Promise<JobInfo> {
    return cancelJob(this.#calls, id, options);
  }

  /** Makes a dead job run again, see `JobHandle.retry`; JOB_NOT_FOUND, JOB_NOT_RETRYABLE. */
  retry(id: string, { signal }: WaitOptions = {}): Promise<JobInfo> {
    return retryJob(this.#calls, id, signal);
  }

  /** Removes a chain that has ended, by its root; JOB_NOT_FOUND, CHAIN_OPEN. */
  delete(id: string, { signal }: WaitOptions = {}): Promise<void> {
    return deleteJob(this.#calls, id, signal);
  }

  /** Cancels every job that matches and has not ended, page by page. INVALID_OPTION for a filter in which nothing is set. */
  cancelAll(filter: JobFilter, options: BulkCancelOptions = {}): Promise<BulkResult> {
    return cancelJobs(this.#calls, filter, options);
  }

  /** Retries every job that matches, the dead ones when the filter names no states. INVALID_OPTION as above. */
  retryAll(filter: JobFilter, options: BulkOptions = {}): Promise<BulkResult> {
    return retryJobs(this.#calls, filter, options);
  }

  /** Removes every chain that has ended and whose root matches. INVALID_OPTION as above. */
  deleteAll(filter: JobFilter, options: BulkOptions = {}): Promise<BulkResult> {
    return deleteJobs(this.#calls, filter, options);
  }

  /**
   * The state of jobs, or of all jobs of a chain, at once and whenever it changes; goes on by itself after a break. Ends once all jobs
   * that were named have ended or are gone; of a chain only with the signal or the loop.
   */
  watch(watched: Watched, { signal }: WaitOptions = {}): AsyncGenerator<JobEvent | JobGone, void, undefined> {
    return watchJobs(this.#calls, watched, signal);
  }

  /** The job with all below it, leaves that are alike as one; JOB_NOT_FOUND. */
  chain(id: string, options: WaitOptions & { readonly depthMax?: number | undefined } = {}): Promise<ChainInfo> {
    return readChain(this.#calls, id, options);
  }

  /** A queue with its settings and counts; QUEUE_NOT_FOUND before its first job or setting. */
  async queue(name: string, { signal }: WaitOptions = {}): Promise<QueueInfo> {
    const { queue } = await this.#calls.call(QueueService.method.getQueue, { name }, { signal });
    return infoOf(queue, name);
  }

  /** Changes settings of a queue, also for the jobs that are in it; makes the queue when it is new. */
  async updateQueue(name: string, update: QueueUpdate, { signal }: WaitOptions = {}): Promise<QueueInfo> {
    const { settings, paths } = queueUpdateOf(update);
    const request = { name, settings, updateMask: { paths } };
    const { queue } = await this.#calls.call(QueueService.method.updateQueue, request, { signal });
    return infoOf(queue, name);
  }

  /** Sends what is being enqueued, unless the broker is away, ends every other call and lets go of the connection. */
  async close(): Promise<void> {
    await this.#enqueuer.close();
    this.#calls.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #enqueueBatch(
    items: readonly (JobDraft | TreeDraft)[],
    options: BatchOptions & TransactionOptions,
  ): Promise<BatchEntry[]> {
    const { tx } = options;
    if (tx === undefined) return this.#enqueuer.enqueueBatch(items, options);
    const handles = await this.#transactional.enqueue(items, { ...options, tx });
    return handles.map((handle) => ({ kind: "accepted", job: handle }));
  }
}

function infoOf(queue: Queue | undefined, name: string): QueueInfo {
  if (queue === undefined) throw new ConveyorError("INTERNAL", `the broker answered without the queue ${name}`);
  return queueInfoOf(queue);
}
