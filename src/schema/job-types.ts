import type { DescMessage, FileRegistry } from "@bufbuild/protobuf";
import { parseTypeName, type TypeName } from "../core/names.ts";
import { jobOptionsOf, resultSchemaOf, type TypeOptions, typeOptionsFromWire } from "../wire/job-options.ts";
import { schemaIdOf } from "../wire/schema-id.ts";

/** A message that carries `option (conveyor.v1.job)`. */
export interface JobType {
  readonly name: TypeName;
  readonly schema: DescMessage;
  readonly options: TypeOptions;
  /** Undefined: the type has no result. */
  readonly resultSchema: DescMessage | undefined;
  /** See `schemaIdOf`. */
  readonly schemaId: string;
}

/** All job types of linked files, by name; INVALID_OPTION, INVALID_NAME or SCHEMA_INCOMPATIBLE for one that is wrong in itself. */
export function jobTypesIn(linked: FileRegistry): ReadonlyMap<string, JobType> {
  const types = new Map<string, JobType>();
  for (const each of linked) {
    const options = each.kind === "message" ? jobOptionsOf(each) : undefined;
    if (each.kind !== "message" || options === undefined) continue;
    types.set(each.typeName, {
      name: parseTypeName(each.typeName),
      schema: each,
      options: typeOptionsFromWire(options, `${each.file.proto.name}: option (conveyor.v1.job) of ${each.typeName}`),
      resultSchema: resultSchemaOf(each),
      schemaId: schemaIdOf(each),
    });
  }
  return types;
}
