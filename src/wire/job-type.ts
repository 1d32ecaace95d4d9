import type { DescMessage } from "@bufbuild/protobuf";
import type { JobOptions } from "../../gen/conveyor/v1/options_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { jobOptionsOf, resultSchemaOf } from "./job-options.ts";
import { type AnyJobType, isJobStub } from "./job-stub.ts";

/** A message as a job type, as its own schema describes it. */
export interface JobType {
  readonly schema: DescMessage;
  /** Full name. */
  readonly name: string;
  readonly options: JobOptions;
  /** What its handler returns; undefined: no result, or (Group) any. */
  readonly result: DescMessage | undefined;
}

/**
 * The job type that a stub or a schema stands for. Its result is `result` when given, else the message that its option names, looked for in the
 * schema's file and all that this imports. SCHEMA_INCOMPATIBLE for a message without the option and for a result that cannot be
 * found, RESULT_TYPE_MISMATCH for another result than the one that the option names.
 */
export function jobTypeOf(job: AnyJobType, resultGiven?: DescMessage): JobType {
  const schema = isJobStub(job) ? job.payload : job;
  const result = resultGiven ?? (isJobStub(job) ? job.result : undefined);
  // JavaScript callers can give anything here, most often the class or name of a message.
  if (schema?.kind !== "message") {
    const problem = "a job type is given by its generated stub or schema, such as SendEmailJob or SendEmailSchema";
    throw new ConveyorError("SCHEMA_INCOMPATIBLE", `${problem}; got ${typeof schema}`);
  }
  const options = jobOptionsOf(schema);
  const named = options?.result ?? "";
  if (result !== undefined && named !== "" && named !== result.typeName) {
    throw new ConveyorError(
      "RESULT_TYPE_MISMATCH",
      `${schema.typeName} declares the result ${named}, but { result } is ${result.typeName}; make them agree`,
    );
  }
  const found = options !== undefined && result !== undefined ? result : resultSchemaOf(schema);
  // Without the option resultSchemaOf has thrown.
  return { schema, name: schema.typeName, options: options as JobOptions, result: found };
}

/** See `jobTypeOf`. */
export type TypeLookup = (job: AnyJobType, result?: DescMessage) => JobType;

/** Remembers the job type of each stub and schema: its options are decoded anew with every look. */
export function createTypeLookup(): TypeLookup {
  const known = new WeakMap<AnyJobType, JobType>();
  return (job, result) => {
    if (result !== undefined) return jobTypeOf(job, result);
    let type = known.get(job);
    if (type === undefined) {
      type = jobTypeOf(job);
      known.set(job, type);
    }
    return type;
  };
}
