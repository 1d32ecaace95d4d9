import type { DescMessage } from "@bufbuild/protobuf";
import { defaultQueue, parseQueueName, type QueueName } from "../core/names.ts";
import type { AnyJobType } from "../wire/job-stub.ts";
import { type JobType, jobTypeOf } from "../wire/job-type.ts";
import type { JobContext } from "./job-context.ts";

export interface HandleOptions<Result extends DescMessage | undefined = DescMessage | undefined> {
  /** The queue to take jobs of this type from; the type's own when left out, else `default`. */
  readonly queue?: string | undefined;
  /** The result's schema, where the option of the type does not lead to it; holds the handler of a plain schema to it. */
  readonly result?: Result | undefined;
}

/** A job type with the function that runs it. */
export interface HandledType extends JobType {
  readonly queue: QueueName;
  readonly run: (payload: never, context: JobContext) => unknown;
}

/** Throws SCHEMA_INCOMPATIBLE, RESULT_TYPE_MISMATCH or INVALID_NAME where the type cannot be handled so. */
export function handledTypeOf(job: AnyJobType, run: HandledType["run"], options: HandleOptions): HandledType {
  const type = jobTypeOf(job, options.result);
  const queue = options.queue ?? (type.options.queue || defaultQueue);
  return { ...type, queue: parseQueueName(queue), run };
}
