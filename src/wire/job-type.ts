import { type DescFile, type DescMessage, getOption, hasOption } from "@bufbuild/protobuf";
import { type JobOptions, job as jobOption } from "../../gen/conveyor/v1/options_pb.ts";
import { ConveyorError } from "../core/errors.ts";

/** A message as a job type, as its own schema describes it. */
export interface JobType {
  readonly schema: DescMessage;
  /** Full name. */
  readonly name: string;
  /** Of the `Any` that carries it. */
  readonly typeUrl: string;
  readonly options: JobOptions;
  /** What its handler returns; undefined: no result, or (Group) any. */
  readonly result: DescMessage | undefined;
}

/**
 * The job type that `schema` is. Its result is `result` when given, else the message that its option names, looked for in the
 * schema's file and all that this imports. Throws UNKNOWN_JOB_TYPE for a message without the option and RESULT_TYPE_MISMATCH
 * for a result that cannot be found, or that is another than the one that the option names.
 */
export function jobTypeOf(schema: DescMessage, result?: DescMessage): JobType {
  if (schema?.kind !== "message") {
    throw new ConveyorError(
      "UNKNOWN_JOB_TYPE",
      "a job type is given by its schema, such as SendEmailSchema of the code that protoc-gen-es generates",
    );
  }
  if (!hasOption(schema, jobOption)) {
    throw new ConveyorError(
      "UNKNOWN_JOB_TYPE",
      `${schema.typeName} is no job type; add "option (conveyor.v1.job) = {};" to the message`,
    );
  }
  const options = getOption(schema, jobOption);
  return {
    schema,
    name: schema.typeName,
    typeUrl: typeUrlOf(schema.typeName),
    options,
    result: resultOf(schema, options, result),
  };
}

/** The type URL under which a message travels in an `Any`. */
export function typeUrlOf(typeName: string): string {
  return `type.googleapis.com/${typeName}`;
}

/** The full name in a type URL. */
export function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

function resultOf(schema: DescMessage, options: JobOptions, given: DescMessage | undefined): DescMessage | undefined {
  const named = options.result;
  if (given !== undefined) {
    if (named === "" || named === given.typeName) return given;
    throw new ConveyorError(
      "RESULT_TYPE_MISMATCH",
      `${schema.typeName} declares the result ${named}, but { result } is ${given.typeName}; make them agree`,
    );
  }
  if (named === "") return undefined;
  const found = messageNamed(named, schema.file);
  if (found !== undefined) return found;
  throw new ConveyorError(
    "RESULT_TYPE_MISMATCH",
    `${schema.typeName} declares the result ${named}, which is not in ${schema.file.name}.proto or its imports; ` +
      `import its file there, or pass { result: Schema }`,
  );
}

function messageNamed(name: string, from: DescFile): DescMessage | undefined {
  const seen = new Set<DescFile>([from]);
  for (const file of seen) {
    const found = withNested(file.messages).find((message) => message.typeName === name);
    if (found !== undefined) return found;
    for (const dependency of file.dependencies) seen.add(dependency);
  }
  return undefined;
}

function withNested(messages: readonly DescMessage[]): readonly DescMessage[] {
  return messages.flatMap((message) => [message, ...withNested(message.nestedMessages)]);
}
