import { writeFile } from "node:fs/promises";
import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { file_manifest_v1_manifest } from "../../gen/manifest/v1/manifest_pb.ts";

/** Writes the example's types for `serve --schema`. `buf build examples/manifest/proto -o image.binpb` makes the same of the .proto files. */
export async function writeSchemaImage(path: string): Promise<void> {
  const files = new Map<string, FileDescriptorProto>();
  const add = (file: DescFile) => {
    for (const each of file.dependencies) add(each);
    files.set(file.proto.name, file.proto);
  };
  add(file_manifest_v1_manifest);
  await writeFile(
    path,
    toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...files.values()] })),
  );
}
