import type { JobSpec } from "../../gen/conveyor/v1/job_pb.ts";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import type { NewJob, Start, TypedBytes } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import {
  defaultQueue,
  type JobId,
  parseJobId,
  parsePrintable,
  parseQueueName,
  parseTypeName,
  type TypeName,
} from "../core/names.ts";
import { backoffFromWire } from "./backoff.ts";
import { invalidField } from "./invalid-field.ts";
import { type TypeOptions, typeOptionsFromWire } from "./job-options.ts";
import { metadataFromWire } from "./metadata.ts";
import { attemptsFromWire, timeoutFromWire } from "./option-ranges.ts";
import { anyToTypedBytes, checkSize } from "./payload.ts";
import { checkedDurationMs, checkedTimestampMs } from "./time.ts";

/** What a broker brings to the reading of jobs. */
export interface SpecSource {
  mintId(): JobId;
  /** Who asks; empty without authentication. */
  readonly principal: string;
  /** Bounds run times; ms since the epoch. */
  readonly nowMs: number;
  /** The options of a type in the broker's registry; undefined: it does not know the type. */
  typeOptions(type: TypeName): TypeOptions | undefined;
  /** Empty when the type is unknown. */
  schemaIdOf(type: TypeName): string;
  /** The bytes of a message in JSON; throws UNKNOWN_JOB_TYPE or PAYLOAD_INVALID. */
  transcodeJson(type: TypeName, json: string): Uint8Array;
  /** Throws PAYLOAD_INVALID when the type is known and the bytes are none of it. */
  checkPayload?(payload: TypedBytes): void;
}

/** With where the job stands in the request, for the paths in errors. */
export interface SpecContext extends SpecSource {
  readonly path: string;
  /** Only roots choose an id. */
  readonly isRoot: boolean;
}

/**
 * A job to be inserted from its wire form: checked, with the precedence request > type (its `type_defaults`, else the registry).
 * Throws a ConveyorError with the field's path: INVALID_NAME, INVALID_OPTION, PAYLOAD_INVALID, PAYLOAD_TOO_LARGE, UNKNOWN_JOB_TYPE.
 */
export function specToJob(spec: JobSpec, context: SpecContext): NewJob {
  const { path, isRoot } = context;
  if (!isRoot && (spec.id !== "" || spec.requestId !== "")) {
    throw invalidField(
      "INVALID_OPTION",
      `${path}.${spec.id === "" ? "request_id" : "id"}`,
      "only roots choose it; leave it empty below one",
    );
  }
  const payload = payloadOf(spec, context);
  const type = typeOptionsOf(spec, payload.type, context);
  return {
    id: spec.id === "" ? context.mintId() : parseJobId(spec.id, `${path}.id`),
    requestId: spec.requestId === "" ? undefined : parsePrintable(spec.requestId, `${path}.request_id`, "a request id"),
    payload,
    queue: spec.queue === "" ? (type?.queue ?? defaultQueue) : parseQueueName(spec.queue, `${path}.queue`),
    priority: spec.priority ?? type?.priority,
    start: startOf(spec, context),
    maxAttempts: attemptsFromWire(spec.maxAttempts, `${path}.max_attempts`, limits.attemptsMax) ?? type?.maxAttempts,
    backoff: backoffFromWire(spec.backoff, `${path}.backoff`) ?? type?.backoff,
    timeoutMs: timeoutFromWire(spec.timeout, `${path}.timeout`) ?? type?.timeoutMs,
    metadata: metadataFromWire(spec.metadata, `${path}.metadata`),
    schemaId: context.schemaIdOf(payload.type),
    principal: context.principal,
  };
}

/** The options of a job's type: those that came with the request, else the registry's; undefined when neither knows. */
export function typeOptionsOf(spec: JobSpec, type: TypeName, context: SpecContext): TypeOptions | undefined {
  if (spec.typeDefaults === undefined) return context.typeOptions(type);
  return typeOptionsFromWire(spec.typeDefaults, `${context.path}.type_defaults`);
}

function payloadOf(spec: JobSpec, context: SpecContext): TypedBytes {
  const { content } = spec;
  switch (content.case) {
    case "payload": {
      const payload = anyToTypedBytes(content.value, `${context.path}.payload`, limits.payloadBytesMax);
      within(`${context.path}.payload`, () => context.checkPayload?.(payload));
      return payload;
    }
    case "json": {
      const path = `${context.path}.json`;
      const type = parseTypeName(content.value.type, `${path}.type`);
      const bytes = within(`${path}.json`, () => context.transcodeJson(type, content.value.json));
      checkSize(bytes, path, limits.payloadBytesMax);
      return { type, bytes };
    }
    case undefined: {
      const problem = "a job needs a payload: the message of its type, as Any or as JSON";
      throw invalidField("PAYLOAD_INVALID", `${context.path}.payload`, problem);
    }
    default:
      return content satisfies never;
  }
}

/** Names the field in what the registry says of its value. */
function within<T>(path: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!isConveyorError(error)) throw error;
    const fields = [{ path, problem: error.message }];
    throw new ConveyorError(error.code, `${path}: ${error.message}`, {
      cause: error,
      details: { ...error.details, fields },
    });
  }
}

const now: Start = { kind: "now" };

function startOf(spec: JobSpec, context: SpecContext): Start {
  const { start } = spec;
  switch (start.case) {
    case "runTime": {
      const bounds = { path: `${context.path}.run_time`, nowMs: context.nowMs };
      return { kind: "at", timeMs: checkedTimestampMs(start.value, bounds) };
    }
    case "delay": {
      const bounds = { path: `${context.path}.delay`, msMax: limits.delayMsMax };
      return { kind: "after", delayMs: checkedDurationMs(start.value, bounds) };
    }
    case undefined:
      return now;
    default:
      return start satisfies never;
  }
}
