import type { JobSpec } from "../../gen/conveyor/v1/job_pb.ts";
import type { Backoff } from "../../gen/conveyor/v1/options_pb.ts";
import type { ConveyorError } from "../core/errors.ts";
import type { BackoffPolicy } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import { parseSpan, type Span } from "../core/span.ts";
import { backoffKindToWire } from "./enums.ts";
import { invalidField } from "./invalid-field.ts";
import { packPayload } from "./job-payload.ts";
import type { JobType } from "./job-type.ts";
import { msToDuration, msToTimestamp } from "./time.ts";
import { wordToWire } from "./word-to-wire.ts";

/** What a job may be given beside its payload; what is left out, its type, its queue or the server decides. */
export interface JobSettings {
  readonly queue?: string | undefined;
  /** int32; higher runs first within its queue. */
  readonly priority?: number | undefined;
  /** Not before this long from now (for a child or heir: from its release). Not together with `runAt`. */
  readonly delay?: Span | undefined;
  /** Not before this time; a past time means now. */
  readonly runAt?: Date | undefined;
  /** Attempts that may fail before the job is dead. */
  readonly maxAttempts?: number | undefined;
  readonly backoff?: BackoffSettings | undefined;
  /** How long one attempt may run. */
  readonly timeout?: Span | undefined;
  /** Handed to the handler and to all that the job declares; at most 32 entries, 4 KiB. */
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

/** The wait between attempts; taken whole: what is left out is 1 s doubling to 10 min, all of it random. */
export interface BackoffSettings {
  readonly kind?: BackoffPolicy["kind"] | undefined;
  readonly initial?: Span | undefined;
  readonly max?: Span | undefined;
  readonly multiplier?: number | undefined;
  /** Share of each wait that is random, 0 to 1. */
  readonly jitter?: number | undefined;
}

/** How a caller names a root. */
export interface JobName {
  readonly id?: string | undefined;
  readonly requestId?: string | undefined;
}

/** The specification of a job on the wire. Throws PAYLOAD_INVALID, PAYLOAD_TOO_LARGE or INVALID_OPTION. */
export function jobSpecOf(type: JobType, payload: unknown, settings: JobSettings, name: JobName = {}): JobSpec {
  return {
    $typeName: "conveyor.v1.JobSpec",
    id: textOf(name.id, "id"),
    requestId: textOf(name.requestId, "requestId"),
    content: { case: "payload", value: packPayload(type.schema, payload) },
    queue: textOf(settings.queue, "queue"),
    priority: optionalInteger(settings.priority, "priority", { min: -(2 ** 31), max: 2 ** 31 - 1 }),
    start: startOf(settings),
    maxAttempts: optionalInteger(settings.maxAttempts, "maxAttempts", { min: 1, max: limits.attemptsMax }),
    backoff: settings.backoff === undefined ? undefined : backoffOf(settings.backoff),
    timeout:
      settings.timeout === undefined
        ? undefined
        : msToDuration(parseSpan(settings.timeout, "timeout", limits.timeoutMsMax)),
    metadata: settings.metadata === undefined ? {} : metadataOf(settings.metadata),
    typeDefaults: type.options,
  };
}

/** What a specification takes on the wire, within a few bytes for what is rare. */
export function jobSpecBytes(spec: JobSpec): number {
  const { content } = spec;
  let bytes = 160 + spec.id.length + spec.requestId.length + spec.queue.length;
  if (content.case === "payload") bytes += content.value.typeUrl.length + content.value.value.byteLength;
  for (const [key, value] of Object.entries(spec.metadata))
    bytes += 8 + Buffer.byteLength(key) + Buffer.byteLength(value);
  return bytes + (spec.typeDefaults?.result.length ?? 0) + (spec.typeDefaults?.queue.length ?? 0);
}

/** Back-off settings on the wire; INVALID_OPTION for what is no back-off. */
export function backoffOf(settings: BackoffSettings): Backoff {
  const { kind, initial, max, multiplier, jitter } = settings;
  return {
    $typeName: "conveyor.v1.Backoff",
    kind: wordToWire(backoffKindToWire, kind ?? "EXPONENTIAL", "backoff.kind"),
    initial:
      initial === undefined ? undefined : msToDuration(parseSpan(initial, "backoff.initial", limits.backoffMsMax)),
    max: max === undefined ? undefined : msToDuration(parseSpan(max, "backoff.max", limits.backoffMsMax)),
    multiplier: optionalNumber(multiplier, "backoff.multiplier"),
    jitter: optionalNumber(jitter, "backoff.jitter"),
  };
}

function startOf({ delay, runAt }: JobSettings): JobSpec["start"] {
  if (delay !== undefined && runAt !== undefined) throw invalid("delay", "give delay or runAt, not both", delay);
  if (delay !== undefined) return { case: "delay", value: msToDuration(parseSpan(delay, "delay")) };
  if (runAt === undefined) return { case: undefined };
  if (!(runAt instanceof Date) || Number.isNaN(runAt.getTime())) throw invalid("runAt", "it is a valid Date", runAt);
  return { case: "runTime", value: msToTimestamp(runAt.getTime()) };
}

function metadataOf(metadata: Readonly<Record<string, string>>): Record<string, string> {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== "string") throw invalid(`metadata["${key}"]`, "a value of metadata is text", typeof value);
  }
  return { ...metadata };
}

function textOf(text: string | undefined, path: string): string {
  if (text === undefined) return "";
  if (typeof text === "string" && text !== "") return text;
  throw invalid(path, "it is text, and not empty; leave it out instead", text);
}

/** The number, when it is a whole one within the bounds or left out; else throws INVALID_OPTION. */
export function optionalInteger(
  value: number | undefined,
  path: string,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return value;
  throw invalid(path, `it is a whole number from ${min} to ${max}`, value);
}

function optionalNumber(value: number | undefined, path: string): number | undefined {
  if (value === undefined || (typeof value === "number" && Number.isFinite(value))) return value;
  throw invalid(path, "it is a number", value);
}

function invalid(path: string, problem: string, got: unknown): ConveyorError {
  const shown = typeof got === "string" ? JSON.stringify(got.slice(0, 60)) : String(got);
  return invalidField("INVALID_OPTION", path, `${problem}; got ${shown}`);
}
