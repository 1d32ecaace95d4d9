import type { Message } from "@bufbuild/protobuf";
import { ConveyorError, type ErrorCode, errorStatus } from "../core/errors.ts";
import type { NewJob } from "../core/job.ts";
import type { Ids } from "../runtime/ids.ts";
import { jobSpecOf } from "../wire/job-spec.ts";
import { createTypeLookup } from "../wire/job-type.ts";
import { specToJob } from "../wire/spec-to-job.ts";
import { abortedBy, type Calls } from "./calls.ts";
import { type ExpectedResult, expectedResultOf, isJobDraft, type JobDraft } from "./job-draft.ts";
import { type JobHandle, jobHandle, type WaitOptions } from "./job-handle.ts";
import type { TreeDraft } from "./tree.ts";

/** A connection of the application with its transaction open, as `pg` has it. */
export interface SqlTransaction {
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Enqueues within a transaction of the application, where the brokers' store is in the same PostgreSQL database. */
export interface TransactionOptions {
  /** The job is there once this commits, and never was when it does not; no broker is asked. Not for trees. */
  readonly tx?: SqlTransaction | undefined;
  /** With `tx`: brokers hear of the job at the commit, not only at their next look. Commits that tell take turns in the database. */
  readonly notify?: boolean | undefined;
}

/** Enqueues by the store's SQL function. */
export interface TransactionalEnqueuer {
  /** All of them or, when it throws, none; the transaction is then to be rolled back. */
  enqueue<Result extends Message | undefined>(
    drafts: readonly (JobDraft<Result> | TreeDraft)[],
    options: TransactionOptions & WaitOptions & { readonly tx: SqlTransaction },
  ): Promise<JobHandle<Result>[]>;
}

interface Prepared {
  readonly job: NewJob;
  /** The id was made here. */
  readonly idIsOurs: boolean;
  readonly result: ExpectedResult;
}

/** Of one call: below what the function takes. */
const callJobs = 500;
const callBytes = 2_097_152;

const schemaPattern = /^[a-z_][a-z0-9_]{0,47}$/;

/** `schema` is that of the store. Throws INVALID_OPTION when it is none. */
export function createTransactionalEnqueuer(
  calls: Calls,
  { ids, schema }: { readonly ids: Ids; readonly schema: string },
): TransactionalEnqueuer {
  if (!schemaPattern.test(schema)) {
    const problem = "storeSchema: it is the schema in the URL of the brokers' store, 1 to 48 of a-z, 0-9, '_'";
    throw new ConveyorError("INVALID_OPTION", problem, { details: { fields: [{ path: "storeSchema", problem }] } });
  }
  const typeOf = createTypeLookup();
  const text = `SELECT id, deduplicated FROM "${schema}".enqueue_batch($1::jsonb, $2::bytea[])`;

  function prepare(draft: JobDraft | TreeDraft): Prepared {
    if (!isJobDraft(draft)) {
      throw new ConveyorError(
        "TREE_INVALID",
        "a tree cannot be enqueued in a transaction: enqueue its root, and let its handler declare the rest",
      );
    }
    const type = typeOf(draft.type, draft.options.result);
    const { id, requestId } = draft.options;
    const spec = jobSpecOf(type, draft.init, draft.options, { id, requestId });
    // Checked as a broker would: only it knows what it would refuse.
    const job = specToJob(spec, {
      path: "job",
      isRoot: true,
      mintId: ids.jobId,
      principal: "",
      nowMs: Date.now(),
      typeOptions: () => undefined,
      schemaIdOf: () => "",
      transcodeJson: () => new Uint8Array(),
    });
    return { job, idIsOurs: id === undefined && requestId === undefined, result: expectedResultOf(draft, type) };
  }

  async function send<Result extends Message | undefined>(
    prepared: readonly Prepared[],
    options: TransactionOptions & { readonly tx: SqlTransaction },
  ): Promise<JobHandle<Result>[]> {
    const jobs = prepared.map(({ job }) => optionsOf(job, options.notify === true));
    const payloads = prepared.map(({ job }) => Buffer.from(job.payload.bytes));
    const { rows } = await options.tx.query(text, [JSON.stringify(jobs), payloads]).catch((error: unknown) => {
      throw refusal(error, schema);
    });
    return prepared.map(({ idIsOurs, result }, index) => {
      const answer = answerOf(rows[index]);
      return jobHandle<Result>(calls, { id: answer.id, deduplicated: answer.deduplicated && !idIsOurs, result });
    });
  }

  return {
    async enqueue<Result extends Message | undefined>(
      drafts: readonly (JobDraft<Result> | TreeDraft)[],
      options: TransactionOptions & WaitOptions & { readonly tx: SqlTransaction },
    ) {
      const all = drafts.map(prepare);
      const handles: JobHandle<Result>[] = [];
      for (const some of portions(all)) {
        if (options.signal?.aborted) throw abortedBy(options.signal, "enqueue");
        handles.push(...(await send<Result>(some, options)));
      }
      return handles;
    },
  };
}

function portions(all: readonly Prepared[]): readonly (readonly Prepared[])[] {
  const portions: Prepared[][] = [];
  let bytes = 0;
  for (const each of all) {
    const last = portions.at(-1);
    bytes += each.job.payload.bytes.length;
    if (last === undefined || last.length === callJobs || bytes > callBytes) {
      portions.push([each]);
      bytes = each.job.payload.bytes.length;
    } else {
      last.push(each);
    }
  }
  return portions;
}

/** A job as the function takes it; what is left out, the queue or the server decides. */
function optionsOf(job: NewJob, notify: boolean): Readonly<Record<string, unknown>> {
  const { backoff, start } = job;
  return {
    type: job.payload.type,
    id: job.id,
    request_id: job.requestId,
    queue: job.queue,
    priority: job.priority,
    delay: start.kind === "after" ? start.delayMs : undefined,
    run_at: start.kind === "at" ? start.timeMs : undefined,
    max_attempts: job.maxAttempts,
    timeout: job.timeoutMs,
    backoff: backoff && {
      kind: backoff.kind,
      initial: backoff.initialMs,
      max: backoff.maxMs,
      multiplier: backoff.multiplier,
      jitter: backoff.jitter,
    },
    metadata: job.metadata,
    notify: notify ? true : undefined,
  };
}

function answerOf(row: unknown): { readonly id: string; readonly deduplicated: boolean } {
  if (typeof row === "object" && row !== null && "id" in row && "deduplicated" in row && typeof row.id === "string") {
    return { id: row.id, deduplicated: row.deduplicated === true };
  }
  throw new ConveyorError(
    "INTERNAL",
    "the store's enqueue function answered fewer jobs than it was given; does tx.query answer rows as objects?",
  );
}

/** What the function refuses has our code before its text; any other error of the database is the application's, as it is. */
function refusal(error: unknown, schema: string): unknown {
  if (!(error instanceof Error)) return error;
  const [, code = ""] = /^([A-Z_]+): /.exec(error.message) ?? [];
  if (isErrorCode(code)) return new ConveyorError(code, error.message.slice(code.length + 2), { cause: error });
  const state = "code" in error ? error.code : undefined;
  if (state === "42883" || state === "3F000") {
    const text = `there is no store in the schema "${schema}" of this database: start a broker on it first, or name it with connect(…, { storeSchema })`;
    return new ConveyorError("INVALID_OPTION", text, { cause: error });
  }
  if (state === "42501") {
    const text =
      `this role may not enqueue: run GRANT USAGE ON SCHEMA "${schema}" TO it, ` +
      `and GRANT EXECUTE ON FUNCTION "${schema}".enqueue, "${schema}".enqueue_batch TO it`;
    return new ConveyorError("STORE_DENIED", text, { cause: error });
  }
  return error;
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(errorStatus, text);
}
