import type { Message } from "@bufbuild/protobuf";
import { type EnqueueItem, type EnqueueResult, JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { groupType } from "../core/names.ts";
import { within } from "../runtime/abort.ts";
import type { Ids } from "../runtime/ids.ts";
import { fromRpcStatus } from "../wire/error-status.ts";
import { jobSpecBytes, jobSpecOf } from "../wire/job-spec.ts";
import { createTypeLookup } from "../wire/job-type.ts";
import { abortedBy, type Calls, closed } from "./calls.ts";
import { createCoalescer } from "./coalescer.ts";
import { createEnqueueSender } from "./enqueue-sender.ts";
import { type ExpectedResult, expectedResultOf, isJobDraft, type JobDraft } from "./job-draft.ts";
import { type JobHandle, jobHandle, type WaitOptions } from "./job-handle.ts";
import { flattenTree, type TreeDraft } from "./tree.ts";

/** What became of one item of a batch. */
export type BatchEntry<Result extends Message | undefined = Message | undefined> =
  | { readonly kind: "accepted"; readonly job: JobHandle<Result> }
  | { readonly kind: "refused"; readonly error: ConveyorError };

/** What became of each item, in their order. */
export type BatchEntries<Items extends readonly (JobDraft | TreeDraft)[]> = {
  -readonly [Index in keyof Items]: BatchEntry<ResultOfDraft<Items[Index]>>;
};

type ResultOfDraft<Draft> =
  Draft extends JobDraft<infer Result>
    ? Result
    : Draft extends { readonly job: JobDraft<infer Result> }
      ? Result
      : never;

export interface BatchOptions extends WaitOptions {
  /** All items or none: the first bad one fails the call. At most 1,000 items and 4 MiB then. */
  readonly allOrNothing?: boolean | undefined;
}

/** Turns drafts into committed jobs. */
export interface Enqueuer {
  enqueue<Result extends Message | undefined>(
    draft: JobDraft<Result> | TreeDraft,
    options: WaitOptions,
  ): Promise<JobHandle<Result>>;
  enqueueBatch(drafts: readonly (JobDraft | TreeDraft)[], options: BatchOptions): Promise<BatchEntry[]>;
  /** Sends what still waits, unless the broker is away; rejects what is then left. */
  close(): Promise<void>;
}

/** An item on the wire, and what its answer means. */
interface Prepared {
  readonly item: EnqueueItem;
  readonly bytes: number;
  /** The id was made here, so a job that is there already is this one, sent again. */
  readonly idIsOurs: boolean;
  readonly result: ExpectedResult;
}

/** What of one `enqueueBatch` waits at once: below what the coalescer takes, so that others find room beside it. */
const sliceItems = 4_000;
const sliceBytes = 32 * 1024 * 1024;
const flushMs = 5_000;

export function createEnqueuer(
  calls: Calls,
  { ids, retryMs }: { readonly ids: Ids; readonly retryMs: number },
): Enqueuer {
  const typeOf = createTypeLookup();
  const sender = createEnqueueSender(calls);
  const coalescer = createCoalescer(sender.send, { retryMs, random: ids.random });

  function prepare(draft: JobDraft | TreeDraft): Prepared {
    return isJobDraft(draft) ? prepareJob(draft) : prepareTree(draft);
  }

  /** Every root has an id or a request id before it is sent, so that sending it again is safe. */
  function nameOf({ options }: JobDraft): { readonly id: string | undefined; readonly idIsOurs: boolean } {
    const idIsOurs = options.id === undefined && options.requestId === undefined;
    return { id: idIsOurs ? ids.jobId() : options.id, idIsOurs };
  }

  function prepareJob(draft: JobDraft): Prepared {
    const type = typeOf(draft.type, draft.options.result);
    const { id, idIsOurs } = nameOf(draft);
    const spec = jobSpecOf(type, draft.init, draft.options, { id, requestId: draft.options.requestId });
    const item: EnqueueItem = { $typeName: "conveyor.v1.EnqueueItem", item: { case: "job", value: spec } };
    return { item, bytes: jobSpecBytes(spec), idIsOurs, result: expectedResultOf(draft, type) };
  }

  function prepareTree(draft: TreeDraft): Prepared {
    if (draft?.job?.type === undefined) {
      throw new ConveyorError("TREE_INVALID", "a tree begins with a job: { job: job(Schema, { … }), children: […] }");
    }
    const { id, idIsOurs } = nameOf(draft.job);
    const { tree, bytes } = flattenTree(draft, { rootId: id, typeOf });
    const item: EnqueueItem = { $typeName: "conveyor.v1.EnqueueItem", item: { case: "tree", value: tree } };
    return { item, bytes, idIsOurs, result: resultOfTree(draft) };
  }

  /** A Group gives what its asResult heir gives. */
  function resultOfTree({ job, heirs = [] }: TreeDraft): ExpectedResult {
    const type = typeOf(job.type, job.options.result);
    const own = expectedResultOf(job, type);
    if (own !== undefined || type.name !== groupType) return own;
    const heir = heirs.find((each) => each.asResult);
    return heir && resultOfTree(heir);
  }

  function accepted<Result extends Message | undefined>(prepared: Prepared, answer: EnqueueResult): JobHandle<Result> {
    if (answer.error !== undefined) throw fromRpcStatus(answer.error);
    const deduplicated = answer.deduplicated && !prepared.idIsOurs;
    return jobHandle(calls, { id: answer.id, deduplicated, result: prepared.result });
  }

  async function add<Result extends Message | undefined>(
    prepared: Prepared,
    { signal }: WaitOptions,
  ): Promise<JobHandle<Result>> {
    return accepted(prepared, await coalescer.add(prepared.item, { bytes: prepared.bytes, signal }));
  }

  async function addForBatch(
    draft: JobDraft | TreeDraft,
    options: WaitOptions & { readonly onPrepared: (bytes: number) => void },
  ): Promise<BatchEntry> {
    try {
      const prepared = prepare(draft);
      options.onPrepared(prepared.bytes);
      return { kind: "accepted", job: await add(prepared, options) };
    } catch (error) {
      if (isConveyorError(error)) return { kind: "refused", error };
      throw error;
    }
  }

  async function enqueueEach(
    drafts: readonly (JobDraft | TreeDraft)[],
    { signal }: WaitOptions,
  ): Promise<BatchEntry[]> {
    const entries: BatchEntry[] = [];
    let slice: Promise<BatchEntry>[] = [];
    let bytes = 0;
    const onPrepared = (each: number) => {
      bytes += each;
    };
    for (const [index, draft] of drafts.entries()) {
      slice.push(addForBatch(draft, { signal, onPrepared }));
      if (slice.length < sliceItems && bytes < sliceBytes && index + 1 < drafts.length) continue;
      entries.push(...(await Promise.all(slice)));
      if (signal?.aborted) throw abortedBy(signal, "enqueueBatch");
      slice = [];
      bytes = 0;
    }
    return entries;
  }

  async function enqueueAll(drafts: readonly (JobDraft | TreeDraft)[], { signal }: WaitOptions): Promise<BatchEntry[]> {
    const all = drafts.map(prepare);
    const bytes = all.reduce((sum, each) => sum + each.bytes, 0);
    if (all.length > limits.batchItemsMax || bytes > limits.batchBytesMax) {
      throw new ConveyorError(
        "BATCH_TOO_LARGE",
        `all-or-nothing takes at most ${limits.batchItemsMax} items and ${limits.batchBytesMax} bytes; ` +
          `here are ${all.length} items of about ${bytes} bytes; split it, or enqueue a tree`,
      );
    }
    const { results } = await calls.call(
      JobService.method.enqueueBatch,
      { items: all.map((each) => each.item), allOrNothing: true },
      { signal },
    );
    return all.map((each, index) => {
      const result = results[index];
      if (result === undefined) throw new ConveyorError("INTERNAL", "the broker answered fewer items than it was sent");
      return { kind: "accepted", job: accepted(each, result) };
    });
  }

  return {
    enqueue: async (draft, options) => add(prepare(draft), options),
    async enqueueBatch(drafts, options) {
      if (options.allOrNothing) return drafts.length === 0 ? [] : enqueueAll(drafts, options);
      return enqueueEach(drafts, options);
    },
    async close() {
      coalescer.end(closed());
      await within(Promise.race([coalescer.idle(), sender.troubled()]), flushMs);
      coalescer.close(closed());
      sender.close();
    },
  };
}
