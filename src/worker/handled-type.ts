import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { defaultQueue, parseQueueName, type QueueName } from "../core/names.ts";
import { type JobType, jobTypeOf } from "../wire/job-type.ts";
import type { HandlerOutcome } from "./control.ts";
import type { DeferredResult, JobContext } from "./job-context.ts";

/** Runs one attempt of a job. It may run more than once for a job: make it idempotent on `context.id`. */
export type Handler<Payload extends DescMessage> = (payload: MessageShape<Payload>, context: JobContext) => unknown;

/** The same, with its result held to a schema by the compiler. */
export type ResultHandler<Payload extends DescMessage, Result extends DescMessage> = (
  payload: MessageShape<Payload>,
  context: JobContext,
) => Returned<Result> | Promise<Returned<Result>>;

/** A result, the promise of an heir's, or one of `context.snooze()`, `discard()`, `retryAfter()`, `cancel()`. */
export type Returned<Result extends DescMessage> =
  | MessageShape<Result>
  | MessageInitShape<Result>
  | DeferredResult
  | HandlerOutcome;

export interface HandleOptions {
  /** The queue to take jobs of this type from; the type's own when left out, else `default`. */
  readonly queue?: string | undefined;
  /** The result's schema, where the option of the type does not lead to it. */
  readonly result?: DescMessage | undefined;
}

/** A job type with the function that runs it. */
export interface HandledType extends JobType {
  readonly queue: QueueName;
  readonly run: (payload: never, context: JobContext) => unknown;
}

/** Throws SCHEMA_INCOMPATIBLE, RESULT_TYPE_MISMATCH or INVALID_NAME where the type cannot be handled so. */
export function handledTypeOf<Payload extends DescMessage>(
  schema: Payload,
  run: Handler<Payload>,
  options: HandleOptions,
): HandledType {
  const type = jobTypeOf(schema, options.result);
  const queue = options.queue ?? (type.options.queue || defaultQueue);
  return { ...type, queue: parseQueueName(queue), run };
}
