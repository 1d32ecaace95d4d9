import type { DescMessage, Message, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { BackoffPolicy } from "../core/job.ts";

/**
 * A job type as protoc-gen-conveyor generates it. It stands wherever a schema does, and the compiler then knows what the type's
 * jobs give, too.
 */
export interface JobStub<
  Payload extends DescMessage = DescMessage,
  Result extends DescMessage | undefined = DescMessage | undefined,
> {
  readonly kind: "job";
  /** Full name of the type, such as `photos.v1.ResizeImage`. */
  readonly name: string;
  /** Schema of what its jobs are given. */
  readonly payload: Payload;
  /** Schema of what its handler returns; undefined: nothing. */
  readonly result: Result;
  readonly options: JobStubOptions;
}

/** What a type asks for its jobs, as its message says it; what is left out, the queue or the server decides. */
export interface JobStubOptions {
  readonly queue?: string;
  readonly priority?: number;
  readonly maxAttempts?: number;
  readonly backoff?: BackoffPolicy;
  /** How long one attempt may run. */
  readonly timeoutMs?: number;
}

/** The job types of one file by name, as protoc-gen-conveyor generates them. */
export type JobStubs = Readonly<Record<string, JobStub>>;

/** What stands for a job type: its generated stub, or the generated schema of its message. */
export type AnyJobType = JobStub | DescMessage;

/** What a job of the type is made of: its message, or the fields of one. */
export type InitOf<Job extends AnyJobType> =
  Job extends JobStub<infer Payload>
    ? MessageInitShape<Payload>
    : Job extends DescMessage
      ? MessageInitShape<Job>
      : never;

/** The message that a handler of the type gets. */
export type PayloadOf<Job extends AnyJobType> =
  Job extends JobStub<infer Payload> ? MessageShape<Payload> : Job extends DescMessage ? MessageShape<Job> : never;

/** What a job of the type gives: a stub tells; of a schema's job it is `Untold`. */
export type ResultOf<Job extends AnyJobType, Untold extends Message = Message> =
  Job extends JobStub<DescMessage, infer Result> ? ShapeOf<Result> : Untold;

/** Schema of what a job of the type gives: a stub tells; of a schema's job it is `Untold`. */
export type ResultSchemaOf<Job extends AnyJobType, Untold extends DescMessage | undefined = DescMessage | undefined> =
  Job extends JobStub<DescMessage, infer Result> ? Result : Untold;

/** The message of a schema; undefined where there is none. */
type ShapeOf<Result extends DescMessage | undefined> = Result extends DescMessage ? MessageShape<Result> : undefined;

export function isJobStub(job: AnyJobType): job is JobStub {
  return job?.kind === "job";
}
