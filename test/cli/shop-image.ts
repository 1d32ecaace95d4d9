import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { file_shop_v1_shop } from "../../gen/shop/v1/shop_pb.ts";

/** Writes the shop's types into a folder as an image for `serve --schema` and answers with its path. */
export async function writeShopImage(folder: string): Promise<string> {
  const files = new Map<string, FileDescriptorProto>();
  const add = (file: DescFile) => {
    for (const each of file.dependencies) add(each);
    files.set(file.proto.name, file.proto);
  };
  add(file_shop_v1_shop);
  const path = join(folder, "shop.binpb");
  await writeFile(
    path,
    toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...files.values()] })),
  );
  return path;
}
