import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  ResourceInfoSchema,
  RetryInfoSchema,
} from "../../gen/google/rpc/error_details_pb.ts";
import { cutText } from "../core/error-text.ts";
import type { ErrorCode, ErrorDetails } from "../core/errors.ts";
import { durationToMs, msToDuration } from "./time.ts";

const domain = "conveyor";
const typePrefix = "type.googleapis.com/";
/** All details of one error in bytes; base64 makes a third more of it. */
const detailsBytesMax = 2_900;
const textBytesMax = 256;
const metadataEntriesMax = 8;
const resourceTypes = ["job", "queue", "session", "lease", "store"] as const;

/** The details of an error as `google.rpc` messages: always one ErrorInfo, the rest as far as there is room. */
export function detailsToAny(code: ErrorCode, details: ErrorDetails): Any[] {
  const packed = [pack(ErrorInfoSchema, { reason: code, domain, metadata: metadataOf(details) })];
  if (details.resource) {
    const { type, name } = details.resource;
    packed.push(pack(ResourceInfoSchema, { resourceType: type, resourceName: cutText(name, textBytesMax) }));
  }
  if (details.retryAfterMs !== undefined) {
    packed.push(pack(RetryInfoSchema, { retryDelay: msToDuration(Math.max(0, details.retryAfterMs)) }));
  }
  if (details.fields?.length) {
    const used = packed.reduce((sum, any) => sum + any.value.byteLength + 100, 0);
    packed.push(pack(BadRequestSchema, { fieldViolations: violationsWithin(detailsBytesMax - used, details.fields) }));
  }
  return packed;
}

/** What those messages say; `reason` is undefined when none of them is Conveyor's. What does not decode is passed over. */
export function readDetails(packed: readonly Any[]): { reason: string | undefined; details: ErrorDetails } {
  let reason: string | undefined;
  const details: { -readonly [Key in keyof ErrorDetails]: ErrorDetails[Key] } = {};
  for (const any of packed) {
    const info = unpack(ErrorInfoSchema, any);
    if (info?.domain === domain) {
      reason ??= info.reason;
      if (Object.keys(info.metadata).length > 0) details.metadata = info.metadata;
    }
    const resource = unpack(ResourceInfoSchema, any);
    const type = resourceTypes.find((each) => each === resource?.resourceType);
    if (resource && type) details.resource = { type, name: resource.resourceName };
    const retryDelay = unpack(RetryInfoSchema, any)?.retryDelay;
    if (retryDelay && retryDelay.seconds >= 0n) details.retryAfterMs = durationToMs(retryDelay);
    const violations = unpack(BadRequestSchema, any)?.fieldViolations;
    if (violations)
      details.fields = violations.map(({ field, description }) => ({ path: field, problem: description }));
  }
  return { reason, details };
}

function metadataOf(details: ErrorDetails): Record<string, string> {
  const entries = Object.entries(details.metadata ?? {}).slice(0, metadataEntriesMax);
  return Object.fromEntries(entries.map(([key, value]) => [cutText(key, 64), cutText(value, 128)]));
}

function violationsWithin(bytes: number, fields: NonNullable<ErrorDetails["fields"]>) {
  const violations = [];
  let room = bytes;
  for (const each of fields) {
    const violation = { field: cutText(each.path, textBytesMax), description: cutText(each.problem, textBytesMax) };
    room -= Buffer.byteLength(violation.field) + Buffer.byteLength(violation.description) + 10;
    if (room < 0) break;
    violations.push(violation);
  }
  return violations;
}

function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return {
    $typeName: "google.protobuf.Any",
    typeUrl: typePrefix + schema.typeName,
    value: toBinary(schema, create(schema, init)),
  };
}

function unpack<Desc extends DescMessage>(schema: Desc, any: Any) {
  if (!any.typeUrl.endsWith(`/${schema.typeName}`)) return undefined;
  try {
    return fromBinary(schema, any.value);
  } catch {
    return undefined;
  }
}
