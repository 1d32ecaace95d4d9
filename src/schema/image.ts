import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { ConveyorError } from "../core/errors.ts";
import { decodeProblem } from "../wire/message-bytes.ts";
import type { SchemaFile } from "./schema-file.ts";

/** Field of FileDescriptorSet, and of buf's Image, that holds the files. */
const fileField = 1;

/**
 * The files of an image: a FileDescriptorSet, or what `buf build` writes. Their bytes are kept as they are, for tools that ask for
 * them. Throws SCHEMA_INCOMPATIBLE for anything else; `origin` names the image in the text.
 */
export function readImage(image: Uint8Array, origin: string): readonly SchemaFile[] {
  const files: SchemaFile[] = [];
  try {
    const reader = new BinaryReader(image);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === fileField && wireType === WireType.LengthDelimited) files.push(readFile(reader.bytes()));
      else reader.skip(wireType, field);
    }
  } catch (error) {
    throw new ConveyorError(
      "SCHEMA_INCOMPATIBLE",
      `${origin} is no image of .proto files: ${decodeProblem(error)}; make one with "buf build -o schema.binpb" or "protoc --include_imports --descriptor_set_out"`,
      { cause: error },
    );
  }
  if (files.length === 0) throw new ConveyorError("SCHEMA_INCOMPATIBLE", `${origin} holds no .proto file`);
  return files;
}

function readFile(bytes: Uint8Array): SchemaFile {
  const proto = fromBinary(FileDescriptorProtoSchema, bytes);
  if (proto.name === "") throw new Error("a file in it has no name");
  return { path: proto.name, bytes, proto, own: false };
}
