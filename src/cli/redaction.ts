import { type DescField, type DescMessage, getOption, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { job_field } from "../../gen/conveyor/v1/options_pb.ts";

/** What is shown instead of a field that is marked `redact`. */
const redacted = "[redacted]";

/** A message's JSON with the fields masked that its type marks `redact`, also within the messages that it is made of. */
export function redactJson(message: DescMessage, json: JsonValue): JsonValue {
  // Well-known types have a JSON form of their own, and no field of theirs is marked.
  if (!isObject(json) || message.typeName.startsWith("google.protobuf.")) return json;
  const shown: JsonObject = { ...json };
  for (const field of message.fields) {
    const value = shown[field.jsonName];
    if (value !== undefined) shown[field.jsonName] = isRedacted(field) ? redacted : redactWithin(field, value);
  }
  return shown;
}

function isRedacted(field: DescField): boolean {
  return getOption(field, job_field).redact;
}

function redactWithin(field: DescField, value: JsonValue): JsonValue {
  const { message } = field;
  if (message === undefined) return value;
  if (field.fieldKind === "list" && Array.isArray(value)) return value.map((each) => redactJson(message, each));
  if (field.fieldKind === "map" && isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, redactJson(message, each)]));
  }
  return redactJson(message, value);
}

function isObject(json: JsonValue): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
