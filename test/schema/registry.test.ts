import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FieldDescriptorProto_Type, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { file_conveyor_v1_group } from "../../gen/conveyor/v1/group_pb.ts";
import { ChoreSchema, MakeAlbumSchema, SendEmailSchema } from "../../gen/shop/v1/shop_pb.ts";
import { isConveyorError } from "../../src/core/errors.ts";
import { parseTypeName } from "../../src/core/names.ts";
import { createSchemaRegistry } from "../../src/schema/registry.ts";
import { clearJsonNames, schemaIdOf } from "../../src/wire/schema-id.ts";
import { throwsCode } from "../wire/throws-code.ts";
import { bufImage, imageOf, shopImage, shopSource } from "./images.ts";

const type = parseTypeName;

function shopRegistry() {
  const registry = createSchemaRegistry();
  registry.addImage(shopImage(), "shop.binpb");
  return registry;
}

/** A proto3 file with one message that has these fields of a message type. */
function fileWith(
  path: string,
  message: string,
  fields: Readonly<Record<string, string>> = {},
  dependency: string[] = [],
) {
  const field = Object.entries(fields).map(([name, typeName], index) => ({
    name,
    number: index + 1,
    label: 1,
    type: FieldDescriptorProto_Type.MESSAGE,
    typeName,
  }));
  return { name: path, package: "my.v1", syntax: "proto3", dependency, messageType: [{ name: message, field }] };
}

test("registry / a new one knows the broker's own types and the well-known ones", () => {
  const registry = createSchemaRegistry();
  assert.deepEqual(
    registry.jobTypes().map(({ name }) => name),
    ["conveyor.v1.Group"],
  );
  for (const symbol of [
    "google.protobuf.Any",
    "google.rpc.ErrorInfo",
    "conveyor.v1.JobService",
    "grpc.health.v1.Health",
  ]) {
    assert.ok(registry.symbols().fileOf(symbol), symbol);
  }
  assert.equal(registry.typeOptions(type("shop.v1.SendEmail")), undefined);
  assert.equal(registry.schemaIdOf(type("shop.v1.SendEmail")), "");
});

test("registry / an image brings its job types with their options and results", () => {
  const registry = createSchemaRegistry();
  const added = registry.addImage(shopImage(), "shop.binpb");
  assert.deepEqual(added.map(({ name }) => name).sort(), [
    "shop.v1.Chore",
    "shop.v1.MakeAlbum",
    "shop.v1.PublishAlbum",
    "shop.v1.ResizeImage",
    "shop.v1.SendEmail",
  ]);
  assert.equal(registry.jobType("shop.v1.SendEmail")?.resultSchema?.typeName, "shop.v1.EmailSent");
  assert.equal(registry.jobType("shop.v1.Chore")?.resultSchema, undefined);
  assert.equal(registry.jobType("shop.v1.EmailSent"), undefined, "a result is no job type");
  assert.deepEqual(registry.typeOptions(type("shop.v1.ResizeImage")), {
    queue: "images",
    priority: undefined,
    maxAttempts: 5,
    backoff: { kind: "FIXED", initialMs: 50, maxMs: 600_000, multiplier: 2, jitter: 1 },
    timeoutMs: undefined,
    result: "shop.v1.Thumbnail",
  });
});

test("registry / the same image twice, and one of an other compiler, change nothing", () => {
  const registry = shopRegistry();
  const id = registry.schemaIdOf(type("shop.v1.SendEmail"));
  registry.addImage(shopImage(), "again");
  registry.addImage(bufImage({ "shop/v1/shop.proto": shopSource() }), "buf's image");
  registry.addImage(bufImage({ "shop/v1/shop.proto": shopSource() }, ["--as-file-descriptor-set"]), "a set");
  assert.equal(registry.schemaIdOf(type("shop.v1.SendEmail")), id);
});

test("registry / an image without JSON names is the same image", () => {
  const set = fromBinary(FileDescriptorSetSchema, shopImage());
  for (const file of set.file) for (const message of file.messageType) clearJsonNames(message);
  const registry = createSchemaRegistry();
  registry.addImage(toBinary(FileDescriptorSetSchema, set), "bare");
  assert.equal(registry.schemaIdOf(type("shop.v1.SendEmail")), schemaIdOf(SendEmailSchema));
  registry.addImage(shopImage(), "shop.binpb");
});

test("schema id / generated code, buf's image and an image with comments agree; another field does not", () => {
  const source = shopSource();
  const ids = [
    source,
    source.replace("// Address.", "// Where it goes."),
    source.replace("string to = 1", "string to = 9"),
  ].map((text) => {
    const registry = createSchemaRegistry();
    registry.addImage(bufImage({ "shop/v1/shop.proto": text }), "image");
    return registry.schemaIdOf(type("shop.v1.SendEmail"));
  });
  assert.match(schemaIdOf(SendEmailSchema), /^[0-9a-f]{64}$/);
  assert.equal(ids[0], schemaIdOf(SendEmailSchema));
  assert.equal(ids[1], ids[0]);
  assert.notEqual(ids[2], ids[0]);
  assert.notEqual(schemaIdOf(ChoreSchema), schemaIdOf(MakeAlbumSchema));
});

test("registry / two different files under one path are FILE_PATH_CONFLICT, and the first stays", () => {
  const registry = shopRegistry();
  const id = registry.schemaIdOf(type("shop.v1.Chore"));
  const other = bufImage({ "shop/v1/shop.proto": shopSource().replace("max_attempts: 3", "max_attempts: 4") });
  const error = throwsCode("FILE_PATH_CONFLICT", () => registry.addImage(other, "other"));
  assert.match(error.message, /^shop\/v1\/shop\.proto differs/);
  assert.equal(registry.schemaIdOf(type("shop.v1.Chore")), id);
  assert.equal(registry.typeOptions(type("shop.v1.SendEmail"))?.maxAttempts, 3);
  throwsCode("FILE_PATH_CONFLICT", () =>
    createSchemaRegistry().addImage(imageOf(fileWith("a.proto", "A"), fileWith("a.proto", "B")), "both in one"),
  );
});

test("registry / another release's copy of a file that the broker serves itself changes nothing", () => {
  const registry = createSchemaRegistry();
  const before = registry.file("google/protobuf/any.proto")?.bytes;
  const any = { ...fileWith("google/protobuf/any.proto", "Any"), package: "google.protobuf" };
  assert.deepEqual(registry.addImage(imageOf(any, file_conveyor_v1_group.proto), "an old protoc"), []);
  assert.equal(registry.file("google/protobuf/any.proto")?.bytes, before);
  throwsCode("FILE_PATH_CONFLICT", () =>
    registry.addImage(imageOf(fileWith("google/protobuf/any.proto", "Any")), "mine"),
  );
});

test("registry / an image that does not hold together is SCHEMA_INCOMPATIBLE with what is wrong, and adds nothing", () => {
  const shop = shopImage();
  const set = fromBinary(FileDescriptorSetSchema, shop);
  const alone = imageOf(...set.file.filter((file) => file.name.startsWith("shop/")));
  createSchemaRegistry().addImage(alone, "imports of the broker's own files may be left out");

  const table: readonly (readonly [image: Uint8Array, text: RegExp])[] = [
    [new Uint8Array(), /holds no \.proto file/],
    [Buffer.from("not an image at all"), /is no image of \.proto files/],
    [shop.subarray(0, shop.byteLength - 7), /is no image of \.proto files/],
    [imageOf({ ...fileWith("", "A") }), /has no name/],
    [imageOf(fileWith("a.proto", "A", {}, ["b.proto"])), /a\.proto imports b\.proto, which is not in the image/],
    [imageOf(fileWith("a.proto", "A", { b: ".my.v1.B" })), /does not hold together/],
    [
      imageOf(fileWith("a.proto", "A", {}, ["b.proto"]), fileWith("b.proto", "B", {}, ["a.proto"])),
      /imports .*, which imports it in turn/,
    ],
    [imageOf(fileWith("a.proto", "A", {}, ["a.proto"])), /a\.proto imports a\.proto/],
    [
      imageOf(fileWith("a.proto", "A"), fileWith("x/a.proto", "A")),
      /my\.v1\.A is defined in a\.proto and in x\/a\.proto/,
    ],
    [imageOf(fileWith("a.proto", "not a name")), /does not hold together/],
    [imageOf({ ...fileWith("a.proto", "A"), syntax: "proto9" }), /does not hold together/],
  ];
  for (const [image, text] of table) {
    const registry = createSchemaRegistry();
    const error = throwsCode("SCHEMA_INCOMPATIBLE", () => registry.addImage(image, "schema.binpb"));
    assert.match(error.message, text);
    assert.equal(registry.file("a.proto"), undefined);
    assert.equal(registry.jobTypes().length, 1);
  }
});

const album = (option: string) => ({
  "a.proto": `syntax = "proto3"; package my.v1; import "conveyor/v1/options.proto"; message Job { option (conveyor.v1.job) = {${option}}; } message R {}`,
});

test("registry / a job type whose options are wrong is refused with its name", () => {
  const refused = (option: string) => {
    try {
      createSchemaRegistry().addImage(bufImage(album(option)), "image");
    } catch (error) {
      assert.ok(isConveyorError(error));
      return `${error.code} ${error.message}`;
    }
    return "taken";
  };
  assert.match(
    refused('queue: "No Queue"'),
    /^INVALID_NAME a\.proto: option \(conveyor\.v1\.job\) of my\.v1\.Job\.queue/,
  );
  assert.match(refused("max_attempts: 0"), /^INVALID_OPTION .*max_attempts/);
  assert.match(refused("timeout: {seconds: -1}"), /^INVALID_OPTION .*timeout/);
  assert.match(
    refused('result: "my.v1.Gone"'),
    /^SCHEMA_INCOMPATIBLE my\.v1\.Job declares the result my\.v1\.Gone, which is neither/,
  );
  assert.equal(refused('result: "my.v1.R"'), "taken");
});

test("registry / imports in a chain of 3,000 files, and in a lattice, are linked", () => {
  const chain = Array.from({ length: 3_000 }, (_, index) =>
    fileWith(`f${index}.proto`, `M${index}`, {}, index === 0 ? [] : [`f${index - 1}.proto`]),
  );
  createSchemaRegistry().addImage(imageOf(...chain.reverse()), "chain");
  const lattice = Array.from({ length: 60 }, (_, index) =>
    fileWith(
      `f${index}.proto`,
      `M${index}`,
      {},
      Array.from({ length: index }, (_, each) => `f${each}.proto`),
    ),
  );
  const registry = createSchemaRegistry();
  registry.addImage(imageOf(...lattice), "lattice");
  assert.equal(registry.symbols().withImports("f59.proto").length, 60);
});

test("payload / bytes of a known type that do not decode are PAYLOAD_INVALID, an unknown type passes", () => {
  const registry = shopRegistry();
  const good = toBinary(SendEmailSchema, create(SendEmailSchema, { to: "a@b.c" }));
  registry.checkPayload({ type: type("shop.v1.SendEmail"), bytes: good });
  registry.checkPayload({ type: type("shop.v1.SendEmail"), bytes: new Uint8Array([0xf8, 0x3f, 1]) });
  registry.checkPayload({ type: type("unknown.v1.Type"), bytes: new Uint8Array([255]) });
  for (const bytes of ["ff", "0a05", "0a02c328", "0b"]) {
    const payload = { type: type("shop.v1.SendEmail"), bytes: Buffer.from(bytes, "hex") };
    const error = throwsCode("PAYLOAD_INVALID", () => registry.checkPayload(payload));
    assert.match(error.message, /^the bytes are no shop\.v1\.SendEmail: /);
  }
});

test("payload / a message nested without end is refused, not a full stack", () => {
  const registry = createSchemaRegistry();
  const nested = fileWith("a.proto", "Node", { next: ".my.v1.Node" });
  registry.addImage(imageOf(nested), "image");
  let bytes = new Uint8Array();
  for (let level = 0; level < 2_000; level += 1) bytes = Uint8Array.from([0x0a, ...varint(bytes.length), ...bytes]);
  throwsCode("PAYLOAD_INVALID", () => registry.checkPayload({ type: type("my.v1.Node"), bytes }));
});

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}

test("registry / random bytes as an image never crash it", () => {
  const registry = createSchemaRegistry();
  const good = shopImage();
  const damaged = fc
    .array(fc.tuple(fc.nat(good.byteLength - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    .map((changes) => {
      const bytes = Uint8Array.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      return bytes;
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), damaged), (bytes) => {
      try {
        createSchemaRegistry().addImage(bytes, "image");
      } catch (error) {
        assert.ok(isConveyorError(error), error instanceof Error ? error.stack : String(error));
      }
    }),
    { numRuns: 60 },
  );
  assert.equal(registry.jobTypes().length, 1);
});
