import { type DescFile, type DescMessage, getExtension, hasExtension } from "@bufbuild/protobuf";
import { type JobOptions, job } from "../../gen/conveyor/v1/options_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import type { BackoffPolicy } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import { parseQueueName, parseTypeName, type QueueName, type TypeName } from "../core/names.ts";
import { backoffFromWire } from "./backoff.ts";
import { attemptsFromWire, timeoutFromWire } from "./option-ranges.ts";

/** What a job type asks for, checked; undefined: the next level of precedence decides. Spans in ms. */
export interface TypeOptions {
  readonly queue: QueueName | undefined;
  readonly priority: number | undefined;
  readonly maxAttempts: number | undefined;
  readonly backoff: BackoffPolicy | undefined;
  readonly timeoutMs: number | undefined;
  /** Undefined: the type has no result. */
  readonly result: TypeName | undefined;
}

/** The option `(conveyor.v1.job)` of a message; undefined: it is no job type. Works for generated and for read descriptors. */
export function jobOptionsOf(schema: DescMessage): JobOptions | undefined {
  const { options } = schema.proto;
  if (options === undefined || !hasExtension(options, job)) return undefined;
  try {
    return getExtension(options, job);
  } catch (error) {
    throw new ConveyorError(
      "SCHEMA_INCOMPATIBLE",
      `the option (conveyor.v1.job) of ${schema.typeName} does not decode`,
      {
        cause: error,
      },
    );
  }
}

/**
 * The descriptor of the message that a type declares as its result, looked for in the type's file and that file's imports;
 * undefined: it declares none. SCHEMA_INCOMPATIBLE when there is no such message, or the message is no job type.
 */
export function resultSchemaOf(schema: DescMessage): DescMessage | undefined {
  const options = jobOptionsOf(schema);
  if (options === undefined) {
    throw new ConveyorError(
      "SCHEMA_INCOMPATIBLE",
      `${schema.typeName} is no job type: it lacks "option (conveyor.v1.job) = {}"`,
    );
  }
  if (options.result === "") return undefined;
  const found = findMessage(schema.file, options.result);
  if (found) return found;
  throw new ConveyorError(
    "SCHEMA_INCOMPATIBLE",
    `${schema.typeName} declares the result ${options.result}, which is neither in ${schema.file.proto.name} nor in what it imports`,
  );
}

/** Checks a type's options; INVALID_OPTION or INVALID_NAME with the field's path below `path`. */
export function typeOptionsFromWire(options: JobOptions, path: string): TypeOptions {
  return {
    queue: options.queue === "" ? undefined : parseQueueName(options.queue, `${path}.queue`),
    priority: options.priority,
    maxAttempts: attemptsFromWire(options.maxAttempts, `${path}.max_attempts`, limits.attemptsMax),
    backoff: backoffFromWire(options.backoff, `${path}.backoff`),
    timeoutMs: timeoutFromWire(options.timeout, `${path}.timeout`),
    result: options.result === "" ? undefined : parseTypeName(options.result, `${path}.result`),
  };
}

/** Breadth first over the file and its imports; images can import in long chains, so without recursion. */
function findMessage(file: DescFile, typeName: string): DescMessage | undefined {
  const files = new Set([file]);
  for (const each of files) {
    const found = messageIn(each, typeName);
    if (found) return found;
    for (const dependency of each.dependencies) files.add(dependency);
  }
  return undefined;
}

function messageIn(file: DescFile, typeName: string): DescMessage | undefined {
  const prefix = file.proto.package === "" ? "" : `${file.proto.package}.`;
  if (!typeName.startsWith(prefix)) return undefined;
  let candidates: readonly DescMessage[] = file.messages;
  for (;;) {
    const outer = candidates.find((each) => typeName === each.typeName || typeName.startsWith(`${each.typeName}.`));
    if (outer === undefined || outer.typeName === typeName) return outer;
    candidates = outer.nestedMessages;
  }
}
