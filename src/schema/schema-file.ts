import { clearField, clone, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { clearJsonNames } from "../wire/schema-id.ts";

/** A .proto file as a descriptor, with the bytes it came in. */
export interface SchemaFile {
  /** Such as `shop/v1/shop.proto`. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly proto: FileDescriptorProto;
  /** Came with the broker: an image's version of it changes nothing. */
  readonly own: boolean;
}

/** Whether two descriptors describe the same file: source information and what only some compilers fill in do not count. */
export function sameContent(a: FileDescriptorProto, b: FileDescriptorProto): boolean {
  return Buffer.compare(contentOf(a), contentOf(b)) === 0;
}

function contentOf(proto: FileDescriptorProto): Uint8Array {
  const content = clone(FileDescriptorProtoSchema, proto);
  clearField(content, FileDescriptorProtoSchema.field.sourceCodeInfo);
  for (const message of content.messageType) clearJsonNames(message);
  delete content.$unknown; // buf's image extension; custom options are unknown fields further inside and count
  return toBinary(FileDescriptorProtoSchema, content);
}
