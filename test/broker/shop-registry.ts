import { create, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { file_shop_v1_shop } from "../../gen/shop/v1/shop_pb.ts";
import { createSchemaRegistry, type SchemaRegistry } from "../../src/schema/registry.ts";

/** A registry that knows the shop's job types, as from `serve --schema`. */
export function shopRegistry(): SchemaRegistry {
  const registry = createSchemaRegistry();
  const file = [file_shop_v1_shop.proto];
  registry.addImage(toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file })), "shop");
  return registry;
}
