import assert from "node:assert/strict";
import { test } from "node:test";
import { create, createFileRegistry, setExtension } from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MessageOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import { JobOptionsSchema, job } from "../../gen/conveyor/v1/options_pb.ts";
import { ChoreSchema, EmailSentSchema, ResizeImageSchema, SendEmailSchema } from "../../gen/shop/v1/shop_pb.ts";
import { jobOptionsOf, resultSchemaOf } from "../../src/wire/job-options.ts";
import { throwsCode } from "./throws-code.ts";

/** A message without fields. */
const message = (name: string, result?: string, nested: readonly string[] = []) => {
  const proto = create(DescriptorProtoSchema, { name, nestedType: nested.map((each) => ({ name: each })) });
  if (result === undefined) return proto;
  proto.options = create(MessageOptionsSchema);
  setExtension(proto.options, job, create(JobOptionsSchema, { result }));
  return proto;
};

/** Files by path: each a list of messages in package `p.v1`, importing the files after the colon of its path. */
function link(files: Readonly<Record<string, ReturnType<typeof message>[]>>) {
  const file = Object.entries(files).map(([path, messageType]) => {
    const [name = "", imports = ""] = path.split(":");
    const dependency = imports.split(",").filter((each) => each !== "");
    return create(FileDescriptorProtoSchema, { name, package: "p.v1", syntax: "proto3", dependency, messageType });
  });
  const linked = createFileRegistry(create(FileDescriptorSetSchema, { file }));
  return (name: string) => linked.getMessage(`p.v1.${name}`) ?? assert.fail(`no ${name}`);
}

test("job options / they are read from generated code; a message without them is no job type", () => {
  assert.equal(jobOptionsOf(SendEmailSchema)?.queue, "mail");
  assert.equal(jobOptionsOf(ResizeImageSchema)?.maxAttempts, 5);
  assert.equal(jobOptionsOf(EmailSentSchema), undefined);
});

test("job options / the result is found in the type's file, nested, and in what that imports at any distance", () => {
  assert.equal(resultSchemaOf(SendEmailSchema)?.typeName, "shop.v1.EmailSent");
  assert.equal(resultSchemaOf(ChoreSchema), undefined);
  const find = link({
    "far.proto": [message("Far")],
    "near.proto:far.proto": [message("Near", undefined, ["Inner"]), message("NearBy")],
    "job.proto:near.proto": [
      message("WantsFar", "p.v1.Far"),
      message("WantsInner", "p.v1.Near.Inner"),
      message("WantsNearBy", "p.v1.NearBy"),
      message("WantsItself", "p.v1.WantsItself"),
    ],
  });
  for (const [type, result] of [
    ["WantsFar", "p.v1.Far"],
    ["WantsInner", "p.v1.Near.Inner"],
    ["WantsNearBy", "p.v1.NearBy"],
    ["WantsItself", "p.v1.WantsItself"],
  ] as const) {
    assert.equal(resultSchemaOf(find(type))?.typeName, result);
  }
});

test("job options / a result that cannot be found, and a message that is no job type, are SCHEMA_INCOMPATIBLE", () => {
  const find = link({
    "other.proto": [message("Other")],
    "job.proto": [message("Lost", "p.v1.Other"), message("Bare")],
  });
  const lost = throwsCode("SCHEMA_INCOMPATIBLE", () => resultSchemaOf(find("Lost")));
  assert.match(lost.message, /^p\.v1\.Lost declares the result p\.v1\.Other, which is neither in job\.proto nor/);
  assert.match(throwsCode("SCHEMA_INCOMPATIBLE", () => resultSchemaOf(find("Bare"))).message, /is no job type/);
});

test("job options / options that do not decode are SCHEMA_INCOMPATIBLE", () => {
  const broken = message("Broken", "");
  const data = new Uint8Array([3, 0x0a, 0x7f, 0x61]);
  if (broken.options) broken.options.$unknown = [{ no: 51_234, wireType: 2, data }];
  const find = link({ "job.proto": [broken] });
  throwsCode("SCHEMA_INCOMPATIBLE", () => jobOptionsOf(find("Broken")));
});
