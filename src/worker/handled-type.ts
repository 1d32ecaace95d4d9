import type { DescMessage } from "@bufbuild/protobuf";
import { ConveyorError } from "../core/errors.ts";
import { defaultQueue, parseQueueName, type QueueName } from "../core/names.ts";
import type { AnyJobType, JobStubs } from "../wire/job-stub.ts";
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

/** All job types of a file with the methods of an object that run them; INVALID_OPTION where one is missing, or one too many. */
export function handledTypesOf(jobs: JobStubs, handlers: object): readonly HandledType[] {
  // A class may have more than its handlers.
  const stranger = isPlain(handlers) ? Object.keys(handlers).find((name) => !Object.hasOwn(jobs, name)) : undefined;
  if (stranger !== undefined) {
    const known = Object.keys(jobs).join(", ");
    throw new ConveyorError("INVALID_OPTION", `handleAll: handlers.${stranger} is for no job type; they are ${known}`);
  }
  return Object.entries(jobs).map(([name, job]) => handledTypeOf(job, methodOf(handlers, name), {}));
}

function isPlain(value: object): boolean {
  return Object.getPrototypeOf(value) === Object.prototype;
}

function methodOf(handlers: object, name: string): HandledType["run"] {
  const method: unknown = Reflect.get(handlers, name);
  if (typeof method === "function") return (payload, context) => Reflect.apply(method, handlers, [payload, context]);
  throw new ConveyorError("INVALID_OPTION", `handleAll: handlers.${name} is no function but ${typeof method}`);
}
