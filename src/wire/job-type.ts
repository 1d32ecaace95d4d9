import type { DescMessage } from "@bufbuild/protobuf";
import type { JobOptions } from "../../gen/conveyor/v1/options_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { jobOptionsOf, resultSchemaOf } from "./job-options.ts";

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
 * The job type that `schema` is. Its result is `result` when given, else the message that its option names, looked for in the
 * schema's file and all that this imports. SCHEMA_INCOMPATIBLE for a message without the option and for a result that cannot be
 * found, RESULT_TYPE_MISMATCH for another result than the one that the option names.
 */
export function jobTypeOf(schema: DescMessage, result?: DescMessage): JobType {
  // JavaScript callers can give anything here, most often the class or name of a message.
  if (schema?.kind !== "message") {
    const problem = "a job type is given by its generated schema, such as SendEmailSchema";
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

/** The job type of a schema, see `jobTypeOf`. */
export type TypeLookup = (schema: DescMessage, result?: DescMessage) => JobType;

/** Remembers each schema's job type: its options are decoded anew with every look. */
export function createTypeLookup(): TypeLookup {
  const known = new WeakMap<DescMessage, JobType>();
  return (schema, result) => {
    if (result !== undefined) return jobTypeOf(schema, result);
    let type = known.get(schema);
    if (type === undefined) {
      type = jobTypeOf(schema);
      known.set(schema, type);
    }
    return type;
  };
}
