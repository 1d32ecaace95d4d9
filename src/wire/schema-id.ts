import { createHash } from "node:crypto";
import { clearField, clone, type DescEnum, type DescMessage, toBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  FieldDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

/**
 * The identity of a job type's schema: SHA-256 in hex over the descriptors of the message and of all messages and enums that its
 * fields reach, sorted by full name. Source information, files and what a compiler fills in do not count, so that an image and
 * generated code give the same.
 */
export function schemaIdOf(schema: DescMessage): string {
  const hash = createHash("sha256");
  const reached = [...closureOf(schema)].sort((a, b) => (a.typeName < b.typeName ? -1 : 1));
  for (const each of reached) {
    const bytes = each.kind === "message" ? messageBytes(each) : toBinary(EnumDescriptorProtoSchema, each.proto);
    hash.update(`${each.kind} ${each.typeName} ${each.file.edition} ${bytes.byteLength}\n`).update(bytes);
  }
  return hash.digest("hex");
}

/** Without recursion: types may refer to each other in long chains and in circles. */
function closureOf(schema: DescMessage): ReadonlySet<DescMessage | DescEnum> {
  const reached = new Set<DescMessage | DescEnum>([schema]);
  for (const each of reached) {
    if (each.kind === "enum") continue;
    for (const field of each.fields) {
      if (field.message) reached.add(field.message);
      if (field.enum) reached.add(field.enum);
    }
  }
  return reached;
}

/** Nested types count only when a field reaches them, hence by themselves; a map's entry is part of its message. */
function messageBytes(schema: DescMessage): Uint8Array {
  const proto = clone(DescriptorProtoSchema, schema.proto);
  proto.nestedType = proto.nestedType.filter((nested) => nested.options?.mapEntry);
  proto.enumType = [];
  proto.extension = [];
  clearJsonNames(proto);
  return toBinary(DescriptorProtoSchema, proto);
}

/** protoc writes every JSON name, generated code none that is the default: none counts. Works on a copy of one's own. */
export function clearJsonNames(message: DescriptorProto): void {
  for (const field of message.field) clearField(field, FieldDescriptorProtoSchema.field.jsonName);
  for (const nested of message.nestedType) clearJsonNames(nested);
}
