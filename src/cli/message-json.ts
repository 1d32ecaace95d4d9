import { type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { type Job, JobSchema } from "../../gen/conveyor/v1/job_pb.ts";
import { redactJson } from "./redaction.ts";
import type { ReflectedTypes } from "./reflected-types.ts";

/** A job in protobuf's JSON form, payload and result read with the broker's types and redacted. Never fails: what cannot be read is base64. */
export async function jobJson(job: Job, types: ReflectedTypes): Promise<JsonObject> {
  const { payload, result } = job;
  const rest = toJson(JobSchema, { ...job, payload: undefined, result: undefined } as unknown as Job) as JsonObject;
  return {
    ...rest,
    ...(payload === undefined ? {} : { payload: await anyJson(payload, types) }),
    ...(result === undefined ? {} : { result: await anyJson(result, types) }),
  };
}

/** A packed message in protobuf's JSON form; of a type that the broker does not know, its base64. */
export async function anyJson(any: Any, types: ReflectedTypes): Promise<JsonObject> {
  const typeName = any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);
  const opaque = { "@type": any.typeUrl, value: Buffer.from(any.value).toString("base64") };
  try {
    const type = await types.find(typeName);
    if (type === undefined) return opaque;
    const message = anyUnpack(any, type.registry);
    if (message === undefined) return opaque;
    const json = redactJson(type.message, toJson(type.message, message, { registry: type.registry }));
    return { "@type": any.typeUrl, ...asFields(json) };
  } catch {
    // No reflection, bytes that do not decode, an Any within of another file: base64 is always true.
    return opaque;
  }
}

/** Well-known types such as Duration are no object in JSON; within an Any they stand under `value`. */
function asFields(json: JsonValue): JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json) ? json : { value: json };
}
