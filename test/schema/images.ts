import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { create, type DescFile, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { file_shop_v1_shop } from "../../gen/shop/v1/shop_pb.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

type FileInit = MessageInitShape<typeof FileDescriptorProtoSchema>;

/** An image of hand-made files. */
export function imageOf(...file: FileInit[]): Uint8Array {
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
}

/** The shop's job types as the generated code has them, with all that they import. */
export function shopImage(): Uint8Array {
  const files = new Set<DescFile>([file_shop_v1_shop]);
  for (const file of files) for (const each of file.dependencies) files.add(each);
  return imageOf(...[...files].reverse().map((file) => file.proto));
}

/** What `buf build` makes of these sources, given by path; `conveyor/v1/options.proto` can be imported. */
export function bufImage(sources: Readonly<Record<string, string>>, flags: readonly string[] = []): Uint8Array {
  const folder = mkdtempSync(path.join(tmpdir(), "conveyor-image-"));
  try {
    const copied = ["conveyor/v1/options.proto"].map((each) => [
      each,
      readFileSync(path.join(root, "proto", each), "utf8"),
    ]);
    for (const [name = "", text = ""] of [...copied, ...Object.entries(sources)]) {
      mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
      writeFileSync(path.join(folder, name), text);
    }
    const output = path.join(folder, "image.binpb");
    execFileSync(path.join(root, "node_modules/.bin/buf"), ["build", folder, "-o", output, ...flags], {
      stdio: "pipe",
    });
    return readFileSync(output);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The source of the shop's types. */
export function shopSource(): string {
  return readFileSync(path.join(root, "test/proto/shop/v1/shop.proto"), "utf8");
}
