import { type DescMessage, fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { GroupSchema } from "../../../gen/conveyor/v1/group_pb.ts";
import type { Job } from "../../../gen/conveyor/v1/job_pb.ts";
import {
  AlbumSchema,
  ChoreSchema,
  EmailSentSchema,
  MakeAlbumSchema,
  PublishAlbumSchema,
  ResizeImageSchema,
  SendEmailSchema,
  ThumbnailSchema,
} from "../../../gen/shop/v1/shop_pb.ts";
import type { Script } from "./script.ts";

/** The script in a job's payload as the store holds it; undefined when there is none that can be read. */
export function scriptOf(job: Job): Script | undefined {
  const text = firstText(job.payload, [
    MakeAlbumSchema,
    PublishAlbumSchema,
    ResizeImageSchema,
    SendEmailSchema,
    ChoreSchema,
    GroupSchema,
  ]);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as Script); // compared with the intent by the caller
  } catch {
    return undefined;
  }
}

/** The token in a job's result: `JOB#ATTEMPT` of the handler that returned it. */
export function resultTokenOf(job: Job): string | undefined {
  return firstText(job.result, [AlbumSchema, ThumbnailSchema, EmailSentSchema]);
}

/** Of a message whose first field is text: that text. */
function firstText(any: Any | undefined, schemas: readonly DescMessage[]): string | undefined {
  const schema = schemas.find((each) => any?.typeUrl.endsWith(`/${each.typeName}`));
  const field = schema?.fields[0];
  if (any === undefined || schema === undefined || field === undefined) return undefined;
  const message: Readonly<Record<string, unknown>> = { ...fromBinary(schema, any.value) };
  const value = message[field.localName];
  return typeof value === "string" ? value : undefined;
}

/** How many results of its siblings a page says that it has read. */
export function imagesOf(job: Job): number | undefined {
  const { result } = job;
  return result?.typeUrl.endsWith(`/${AlbumSchema.typeName}`)
    ? fromBinary(AlbumSchema, result.value).images
    : undefined;
}
