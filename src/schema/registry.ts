import { type DescFile, type FileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { ConveyorError } from "../core/errors.ts";
import type { TypedBytes } from "../core/job.ts";
import type { TypeName } from "../core/names.ts";
import type { TypeOptions } from "../wire/job-options.ts";
import { decodeProblem } from "../wire/message-bytes.ts";
import { readImage } from "./image.ts";
import { type JobType, jobTypesIn } from "./job-types.ts";
import { transcodeJson } from "./json-payload.ts";
import { linkFiles, mergeFiles, type SchemaFiles } from "./link.ts";
import { ownFiles } from "./own-files.ts";
import type { SchemaFile } from "./schema-file.ts";
import { indexSymbols, type SymbolIndex } from "./symbol-index.ts";

/** What a broker knows of message types: its own, and those of images that were added. */
export interface SchemaRegistry {
  /**
   * Adds all files of an image (a FileDescriptorSet, or what `buf build` writes) or none; `origin` names it in errors. Returns the
   * job types that it holds. Throws FILE_PATH_CONFLICT, SCHEMA_INCOMPATIBLE, INVALID_OPTION or INVALID_NAME.
   */
  addImage(image: Uint8Array, origin: string): readonly JobType[];
  jobType(name: string): JobType | undefined;
  jobTypes(): readonly JobType[];
  /** Undefined: no such job type is known. */
  typeOptions(name: TypeName): TypeOptions | undefined;
  /** Empty: no such job type is known. */
  schemaIdOf(name: TypeName): string;
  /** The bytes of a job type's message in JSON; UNKNOWN_JOB_TYPE, or PAYLOAD_INVALID with the place of the problem. */
  transcodeJson(type: TypeName, json: string): Uint8Array;
  /** Throws PAYLOAD_INVALID when the type is known and the bytes are none of it; an unknown type passes. */
  checkPayload(payload: TypedBytes): void;
  /** Where symbols are defined, now. */
  symbols(): SymbolIndex;
  /** A file by its exact path. */
  file(path: string): SchemaFile | undefined;
}

/** All that one set of files means; replaced as a whole. */
interface Schema {
  readonly files: SchemaFiles;
  readonly linked: FileRegistry;
  readonly symbols: SymbolIndex;
  readonly types: ReadonlyMap<string, JobType>;
}

/** A registry that knows the broker's own files and the well-known types. */
export function createSchemaRegistry(): SchemaRegistry {
  let schema = schemaOf(new Map(ownFiles.map(({ proto }) => [proto.name, ownFile(proto)])));

  return {
    addImage(image, origin) {
      const added = readImage(image, origin);
      schema = schemaOf(mergeFiles(schema.files, added));
      const paths = new Set(added.map((file) => file.path));
      return [...schema.types.values()].filter(({ schema: { file } }) => paths.has(file.proto.name) && !isOwn(file));
    },
    jobType: (name) => schema.types.get(name),
    jobTypes: () => [...schema.types.values()],
    typeOptions: (name) => schema.types.get(name)?.options,
    schemaIdOf: (name) => schema.types.get(name)?.schemaId ?? "",
    transcodeJson: (type, json) => transcodeJson(jobSchema(schema, type), json, schema.linked),
    checkPayload: (payload) => checkPayload(schema.linked, payload),
    symbols: () => schema.symbols,
    file: (path) => schema.files.get(path),
  };
}

function schemaOf(files: SchemaFiles): Schema {
  const linked = linkFiles(files);
  return { files, linked, symbols: indexSymbols(files, linked), types: jobTypesIn(linked) };
}

function ownFile(proto: SchemaFile["proto"]): SchemaFile {
  return { path: proto.name, bytes: toBinary(FileDescriptorProtoSchema, proto), proto, own: true };
}

function isOwn(file: DescFile): boolean {
  return ownFiles.some((own) => own.proto.name === file.proto.name);
}

function jobSchema(schema: Schema, type: TypeName) {
  const known = schema.types.get(type);
  if (known) return known.schema;
  const why = schema.linked.getMessage(type)
    ? `the message ${type} is no job type: it lacks "option (conveyor.v1.job) = {}"`
    : `this broker has no schema of ${type}; start it with --schema, or send the payload as Any`;
  throw new ConveyorError("UNKNOWN_JOB_TYPE", why);
}

function checkPayload(linked: FileRegistry, payload: TypedBytes): void {
  const schema = linked.getMessage(payload.type);
  if (schema === undefined) return;
  try {
    fromBinary(schema, payload.bytes, { readUnknownFields: false });
  } catch (error) {
    throw new ConveyorError("PAYLOAD_INVALID", `the bytes are no ${payload.type}: ${decodeProblem(error)}`, {
      cause: error,
    });
  }
}
