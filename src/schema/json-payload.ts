import { type DescMessage, fromJson, type JsonValue, type Registry, toBinary } from "@bufbuild/protobuf";
import { cutText } from "../core/error-text.ts";
import { ConveyorError } from "../core/errors.ts";

/** Levels that are looked into for the place of a problem. */
const depthMax = 50;
const problemBytesMax = 400;

/** The bytes of a message from its protobuf JSON form; PAYLOAD_INVALID with the place of the first problem, such as `$.items[2].width`. */
export function transcodeJson(schema: DescMessage, json: string, registry: Registry): Uint8Array {
  const value = parseJson(json);
  try {
    return toBinary(schema, fromJson(schema, value, { registry }));
  } catch (error) {
    const { place, problem } = locate(schema, value, { registry, place: "$", whole: error, depth: 0 });
    throw new ConveyorError("PAYLOAD_INVALID", `${place}: ${problem}`, { cause: error });
  }
}

function parseJson(json: string): JsonValue {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new ConveyorError("PAYLOAD_INVALID", `$: it is not JSON: ${problemOf(error)}`, { cause: error });
  }
}

interface Search {
  readonly registry: Registry;
  readonly place: string;
  /** What is wrong with the value as a whole. */
  readonly whole: unknown;
  readonly depth: number;
}

/** Protobuf names the message and field that it stumbled over, not the way there: so each member is tried alone, then its inside. */
function locate(schema: DescMessage, value: JsonValue, search: Search): { place: string; problem: string } {
  const here = { place: cutText(search.place, problemBytesMax), problem: problemOf(search.whole) };
  // Well-known types have a JSON form of their own, without members.
  if (search.depth > depthMax || !isObject(value) || schema.file.proto.package === "google.protobuf") return here;
  for (const [key, member] of Object.entries(value)) {
    const whole = failureOf(schema, { [key]: member }, search.registry);
    if (whole === undefined) continue;
    const inside = { ...search, whole, depth: search.depth + 1, place: placeOf(search.place, key) };
    return locateMember(schema, { key, member }, inside);
  }
  return here; // only together are they wrong, such as two members of one oneof
}

function locateMember(schema: DescMessage, { key, member }: { key: string; member: JsonValue }, search: Search) {
  const field = schema.fields.find((each) => each.jsonName === key || each.name === key);
  const inner = field?.message;
  if (field?.fieldKind === "message" && inner) return locate(inner, member, search);
  if (field?.fieldKind === "list" || field?.fieldKind === "map") {
    const items = Array.isArray(member) ? member.entries() : isObject(member) ? Object.entries(member) : [];
    for (const [at, item] of items) {
      const whole = failureOf(schema, { [key]: typeof at === "number" ? [item] : { [at]: item } }, search.registry);
      if (whole === undefined) continue;
      const inside = { ...search, whole, place: placeOf(search.place, at) };
      return inner ? locate(inner, item, inside) : { place: inside.place, problem: problemOf(whole) };
    }
  }
  return { place: cutText(search.place, problemBytesMax), problem: problemOf(search.whole) };
}

function failureOf(schema: DescMessage, value: JsonValue, registry: Registry): unknown {
  try {
    fromJson(schema, value, { registry });
    return undefined;
  } catch (error) {
    return error;
  }
}

function placeOf(place: string, key: string | number): string {
  if (typeof key === "number") return `${place}[${key}]`;
  return /^\w+$/.test(key) ? `${place}.${key}` : `${place}[${JSON.stringify(cutText(key, 60))}]`;
}

function isObject(value: JsonValue | undefined): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Without protobuf's own naming of the field, which the place says better. */
function problemOf(error: unknown): string {
  if (error instanceof RangeError || !(error instanceof Error)) return "it is nested too deeply";
  const [, what = "", problem = error.message] = /^cannot decode (.*?) from JSON: (.*)$/s.exec(error.message) ?? [];
  const ofType = /^(enum|message) /.test(what) && !/ /.test(problem);
  return cutText(ofType ? `${problem} is no ${what}` : problem, problemBytesMax);
}
