import { type DescField, type DescMessage, type JsonObject, type JsonValue, ScalarType } from "@bufbuild/protobuf";
import { ConveyorError } from "../core/errors.ts";
import type { ReflectedTypes } from "./reflected-types.ts";
import { suggestion } from "./suggestion.ts";

/**
 * The JSON object that `name=value` pairs describe, typed by the broker's own knowledge of the job type: `a.b=1` reaches into a
 * message or map, a repeated field is given once for each element. Throws INVALID_OPTION for a field that the type has not.
 */
export async function fieldsToJson(type: string, pairs: readonly string[], types: ReflectedTypes): Promise<JsonObject> {
  if (pairs.length === 0) return {};
  const found = await types.find(type);
  if (found === undefined) {
    throw new ConveyorError(
      "UNKNOWN_JOB_TYPE",
      `the broker does not know the type ${type}, so that -f cannot tell what its fields hold; start it with --schema`,
    );
  }
  const json: JsonObject = {};
  for (const pair of pairs) {
    const at = pair.indexOf("=");
    if (at < 1) throw problem(`-f ${pair}: a field is given as name=value`);
    set(json, { message: found.message, path: pair.slice(0, at).split("."), text: pair.slice(at + 1), pair });
  }
  return json;
}

interface Assignment {
  readonly message: DescMessage;
  readonly path: readonly string[];
  readonly text: string;
  /** As it was typed, for errors. */
  readonly pair: string;
}

function set(json: JsonObject, { message, path, text, pair }: Assignment): void {
  const [name = "", ...rest] = path;
  const field = message.fields.find((each) => each.name === name || each.jsonName === name);
  if (field === undefined) throw unknownField(name, message);
  if (rest.length === 0) {
    assign(json, field, { text, pair });
    return;
  }
  if (field.fieldKind === "message") {
    set(within(json, field.jsonName), { message: field.message, path: rest, text, pair });
  } else if (field.fieldKind === "map") {
    within(json, field.jsonName)[rest.join(".")] = fieldValue(field, text, pair);
  } else {
    throw problem(`-f ${pair}: ${name} is no message, nothing lies below it`);
  }
}

function assign(json: JsonObject, field: DescField, { text, pair }: { readonly text: string; readonly pair: string }) {
  const present = json[field.jsonName];
  if (field.fieldKind === "list" && !text.startsWith("[")) {
    json[field.jsonName] = [...(Array.isArray(present) ? present : []), fieldValue(field, text, pair)];
    return;
  }
  if (present !== undefined) throw problem(`-f ${pair}: ${field.name} is given twice`);
  json[field.jsonName] =
    field.fieldKind === "list" || field.fieldKind === "map" ? parsed(text, pair) : fieldValue(field, text, pair);
}

/** Numbers and enums may stand in strings in protobuf's JSON form; the broker checks them. */
function fieldValue(field: DescField, text: string, pair: string): JsonValue {
  if (field.message !== undefined) return isText(field.message) ? text : parsed(text, pair);
  if (field.enum !== undefined) return /^-?\d+$/.test(text) ? Number(text) : text;
  if (field.scalar === ScalarType.BOOL) {
    if (text === "true" || text === "false") return text === "true";
    throw problem(`-f ${pair}: ${field.name} is true or false`);
  }
  return text;
}

/** Well-known types whose JSON form is a string. */
function isText(message: DescMessage): boolean {
  return ["Timestamp", "Duration", "FieldMask", "StringValue", "BytesValue", "Int64Value", "UInt64Value"].some(
    (name) => message.typeName === `google.protobuf.${name}`,
  );
}

function parsed(text: string, pair: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw problem(`-f ${pair}: the value is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function within(json: JsonObject, name: string): JsonObject {
  const present = json[name];
  if (typeof present === "object" && present !== null && !Array.isArray(present)) return present;
  const made: JsonObject = {};
  json[name] = made;
  return made;
}

function unknownField(name: string, message: DescMessage): ConveyorError {
  const names = message.fields.map((field) => field.name);
  const meant = suggestion(name, names);
  const hint = meant === undefined ? `; it has ${names.join(", ") || "none"}` : `; did you mean ${meant}?`;
  return problem(`-f ${name}: ${message.typeName} has no such field${hint}`);
}

function problem(message: string): ConveyorError {
  return new ConveyorError("INVALID_OPTION", message);
}
