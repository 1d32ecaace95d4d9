import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import * as grpc from "@grpc/grpc-js";
import { EnqueueRequestSchema, JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import {
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { addReflection } from "../../src/schema/reflection.ts";
import { createSchemaRegistry, type SchemaRegistry } from "../../src/schema/registry.ts";
import { serviceDefinition } from "../../src/wire/service-definition.ts";
import { handleUnary } from "../../src/wire/unary-handler.ts";
import { deferred } from "../wire/deferred.ts";
import { type LocalServer, localServer } from "../wire/local-server.ts";
import { bufImage, imageOf, shopImage } from "./images.ts";

type Ask = MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"];

const versions = ["v1", "v1alpha"] as const;

function reflecting(
  registry: SchemaRegistry,
  add: (server: Pick<grpc.Server, "addService">) => void = () => undefined,
) {
  return localServer((server) => {
    add(server);
    const onUnexpected = (error: unknown) => assert.fail(String(error));
    addReflection(server, { registry, services: [JobService.typeName], onUnexpected, admit: () => undefined });
  });
}

function shopRegistry(): SchemaRegistry {
  const registry = createSchemaRegistry();
  registry.addImage(shopImage(), "shop.binpb");
  return registry;
}

/** Sends raw requests down one stream; answers, in order, and the status at the end. */
async function exchange(
  local: LocalServer,
  requests: readonly Uint8Array[],
  version: (typeof versions)[number] = "v1",
) {
  const method = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const pass = (bytes: Buffer) => bytes;
  const call = local.client.makeBidiStreamRequest<Buffer, Buffer>(method, pass, pass);
  const answers: ServerReflectionResponse[] = [];
  const status = deferred<grpc.StatusObject>();
  call.on("data", (bytes: Buffer) => answers.push(fromBinary(ServerReflectionResponseSchema, bytes)));
  call.on("error", () => undefined);
  call.on("status", status.resolve);
  for (const bytes of requests) call.write(Buffer.from(bytes));
  call.end();
  return { status: await status.promise, answers };
}

async function ask(local: LocalServer, messageRequest: NonNullable<Ask>, version: (typeof versions)[number] = "v1") {
  const request = create(ServerReflectionRequestSchema, { host: "here", messageRequest });
  const { status, answers } = await exchange(local, [toBinary(ServerReflectionRequestSchema, request)], version);
  assert.equal(status.code, grpc.status.OK);
  const [answer] = answers;
  assert.ok(answer);
  assert.equal(answer.validHost, "here");
  assert.deepEqual(answer.originalRequest, request);
  return answer.messageResponse;
}

/** Names of the files in an answer, in order. */
function filesIn(answer: ServerReflectionResponse["messageResponse"]): readonly string[] {
  assert.equal(answer.case, "fileDescriptorResponse", JSON.stringify(answer.value));
  const { fileDescriptorProto } = answer.case === "fileDescriptorResponse" ? answer.value : assert.fail();
  return fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name);
}

function problemIn(answer: ServerReflectionResponse["messageResponse"]) {
  return answer.case === "errorResponse" ? [answer.value.errorCode, answer.value.errorMessage] : [answer.case];
}

test("reflection / v1 and v1alpha list what is served, themselves included", async () => {
  await using local = await reflecting(shopRegistry());
  for (const version of versions) {
    const answer = await ask(local, { case: "listServices", value: "" }, version);
    assert.deepEqual(answer.case === "listServicesResponse" && answer.value.service.map(({ name }) => name), [
      "conveyor.v1.JobService",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
    ]);
  }
});

test("reflection / a file comes first, then all that it imports, once each", async () => {
  await using local = await reflecting(shopRegistry());
  const files = filesIn(await ask(local, { case: "fileByFilename", value: "shop/v1/shop.proto" }));
  assert.equal(files[0], "shop/v1/shop.proto");
  assert.deepEqual([...files].sort(), [
    "conveyor/v1/options.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/duration.proto",
    "google/protobuf/timestamp.proto",
    "shop/v1/shop.proto",
  ]);
});

test("reflection / file names are exact", async () => {
  await using local = await reflecting(shopRegistry());
  for (const value of ["shop.proto", "shop/v1/shop", "/shop/v1/shop.proto", "", "x".repeat(10_000)]) {
    const [code, message] = problemIn(await ask(local, { case: "fileByFilename", value }));
    assert.equal(code, grpc.status.NOT_FOUND);
    assert.ok(String(message).length < 400);
  }
});

test("reflection / every kind of symbol is found in its file", async () => {
  const registry = shopRegistry();
  const image = bufImage({
    "zoo/v1/zoo.proto": `
      syntax = "proto2";
      package zoo.v1;
      message Outer {
        message Inner { optional int32 field = 1; enum Kind { KIND_ONE = 0; } }
        oneof choice { int32 left = 1; int32 right = 2; }
        extensions 100 to 200;
        extend Outer { optional int32 nested_extension = 101; }
      }
      enum Top { TOP_ONE = 0; }
      extend Outer { optional string tag = 100; }
      service Keeper { rpc Feed(Outer) returns (Outer); }`,
  });
  registry.addImage(image, "zoo.binpb");
  await using local = await reflecting(registry);
  const symbols = [
    ...["Outer", "Outer.Inner", "Outer.Inner.field", "Outer.Inner.Kind", "Outer.Inner.KIND_ONE", "Outer.choice"],
    ...["Outer.left", "Outer.nested_extension", "Top", "TOP_ONE", "tag", "Keeper", "Keeper.Feed"],
  ];
  for (const version of versions) {
    for (const symbol of symbols) {
      const answer = await ask(local, { case: "fileContainingSymbol", value: `zoo.v1.${symbol}` }, version);
      assert.equal(filesIn(answer)[0], "zoo/v1/zoo.proto", symbol);
    }
  }
  for (const value of ["zoo.v1", "zoo.v1.Gone", "zoo.v1.Outer.Gone", ".zoo.v1.Outer", "", "__proto__"]) {
    const problem = problemIn(await ask(local, { case: "fileContainingSymbol", value }));
    assert.deepEqual(problem, [grpc.status.NOT_FOUND, `symbol ${value} not found`]);
  }
});

test("reflection / extensions are found by number, and all numbers of a message are told", async () => {
  await using local = await reflecting(shopRegistry());
  const options = "google.protobuf.MessageOptions";
  for (const version of versions) {
    const extension = { containingType: options, extensionNumber: 51_234 };
    const answer = await ask(local, { case: "fileContainingExtension", value: extension }, version);
    assert.equal(filesIn(answer)[0], "conveyor/v1/options.proto");
    const all = await ask(local, { case: "allExtensionNumbersOfType", value: options }, version);
    assert.deepEqual(all.case === "allExtensionNumbersResponse" && all.value.extensionNumber, [51_234]);
    assert.equal(all.case === "allExtensionNumbersResponse" && all.value.baseTypeName, options);
  }
  const none = await ask(local, { case: "allExtensionNumbersOfType", value: "shop.v1.Chore" });
  assert.deepEqual(none.case === "allExtensionNumbersResponse" && none.value.extensionNumber, []);
  const gone = { containingType: options, extensionNumber: 1 };
  assert.equal(problemIn(await ask(local, { case: "fileContainingExtension", value: gone }))[0], grpc.status.NOT_FOUND);
  const unknown = await ask(local, { case: "allExtensionNumbersOfType", value: "un.Known" });
  assert.equal(problemIn(unknown)[0], grpc.status.NOT_FOUND);
});

test("reflection / the bytes of a file are those of the image", async () => {
  const registry = createSchemaRegistry();
  const image = bufImage({ "a/v1/a.proto": 'syntax = "proto3"; package a.v1;\n// A comment.\nmessage A {}' });
  registry.addImage(image, "a.binpb");
  await using local = await reflecting(registry);
  const answer = await ask(local, { case: "fileByFilename", value: "a/v1/a.proto" });
  assert.ok(answer.case === "fileDescriptorResponse");
  const [bytes = new Uint8Array()] = answer.value.fileDescriptorProto;
  assert.ok(Buffer.from(image).includes(Buffer.from(bytes)));
  assert.match(Buffer.from(bytes).toString(), /A comment\./);
});

test("reflection / a type that is added later is found by a stream that was open before", async () => {
  const registry = createSchemaRegistry();
  await using local = await reflecting(registry);
  const value = "shop.v1.Chore";
  assert.equal(problemIn(await ask(local, { case: "fileContainingSymbol", value }))[0], grpc.status.NOT_FOUND);
  registry.addImage(shopImage(), "shop.binpb");
  assert.equal(filesIn(await ask(local, { case: "fileContainingSymbol", value }))[0], "shop/v1/shop.proto");
});

test("reflection / a request for nothing is answered, garbage ends the stream with INVALID_ARGUMENT", async () => {
  await using local = await reflecting(shopRegistry());
  const { status, answers } = await exchange(local, [new Uint8Array(), Buffer.from("ba3e0161", "hex")]);
  assert.equal(status.code, grpc.status.OK);
  assert.deepEqual(
    answers.map((each) => problemIn(each.messageResponse)[0]),
    [grpc.status.INVALID_ARGUMENT, grpc.status.INVALID_ARGUMENT],
  );
  const garbage = await exchange(local, [Buffer.from("ffff", "hex")]);
  assert.equal(garbage.status.code, grpc.status.INVALID_ARGUMENT);
  assert.match(garbage.status.details, /is not a grpc\.reflection\.v1\.ServerReflectionRequest/);
});

test("reflection / a thousand requests at once are all answered, in order", async () => {
  await using local = await reflecting(shopRegistry());
  const requests = Array.from({ length: 1_000 }, (_, index) => {
    const messageRequest = { case: "fileContainingSymbol" as const, value: "google.protobuf.FieldOptions" };
    return toBinary(
      ServerReflectionRequestSchema,
      create(ServerReflectionRequestSchema, { host: `${index}`, messageRequest }),
    );
  });
  const { status, answers } = await exchange(local, requests);
  assert.equal(status.code, grpc.status.OK);
  assert.deepEqual(
    answers.map(({ validHost }) => validHost),
    requests.map((_, index) => `${index}`),
  );
});

test("reflection / one who asks and does not read is not answered without end", async () => {
  const registry = shopRegistry();
  let found = 0;
  const symbols = () => ({
    ...registry.symbols(),
    withImports(path: string) {
      found += 1;
      return registry.symbols().withImports(path);
    },
  });
  await using local = await reflecting({ ...registry, symbols });
  const messageRequest = { case: "fileContainingSymbol" as const, value: "google.protobuf.FieldOptions" };
  const request = toBinary(ServerReflectionRequestSchema, create(ServerReflectionRequestSchema, { messageRequest }));
  const pass = (bytes: Buffer) => bytes;
  const method = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
  const call = local.client.makeBidiStreamRequest<Buffer, Buffer>(method, pass, pass);
  const paused = deferred();
  call.on("error", () => undefined);
  call.on("data", () => {
    call.pause();
    paused.resolve();
  });
  const asked = 3_000;
  for (let count = 0; count < asked; count += 1) call.write(Buffer.from(request));
  await paused.promise;
  // Until nothing moves any more, over many round trips of another stream.
  for (let still = 0, before = -1; still < 100; still = found === before ? still + 1 : 0) {
    before = found;
    await ask(local, { case: "listServices", value: "" });
  }
  assert.ok(found > 0 && found < asked, `${found} of ${asked} were answered`);
  call.cancel();
});

test("reflection / imports beyond 3 MiB are left to be asked for by path", async () => {
  const bulk = (name: string) => ({
    name,
    syntax: "proto3",
    sourceCodeInfo: { location: [{ leadingComments: "x".repeat(2 ** 20) }] },
  });
  const parts = ["p1.proto", "p2.proto", "p3.proto", "p4.proto"];
  const registry = createSchemaRegistry();
  registry.addImage(imageOf({ name: "all.proto", syntax: "proto3", dependency: parts }, ...parts.map(bulk)), "bulk");
  await using local = await reflecting(registry);
  const files = filesIn(await ask(local, { case: "fileByFilename", value: "all.proto" }));
  assert.equal(files[0], "all.proto");
  assert.ok(files.length < 5);
  assert.deepEqual(filesIn(await ask(local, { case: "fileByFilename", value: "p4.proto" })), ["p4.proto"]);
});

test("reflection / buf curl lists services and sends a typed Any with the server's address alone", async () => {
  let received: unknown;
  await using local = await reflecting(shopRegistry(), (server) => {
    const refuse = handleUnary(
      JobService.method.getJob,
      async () => ({}),
      () => undefined,
    );
    server.addService(serviceDefinition(JobService), {
      enqueue: handleUnary(
        JobService.method.enqueue,
        async (request) => {
          received = request;
          const payload = request.item.case === "job" ? request.item.value.content.value : undefined;
          return { job: { id: "j-1", ...(payload?.$typeName === "google.protobuf.Any" ? { payload } : {}) } };
        },
        () => undefined,
      ),
      enqueueBatch: refuse,
      getJob: refuse,
      listJobs: refuse,
      getChain: refuse,
      waitJob: refuse,
    });
  });
  const services = await bufCurl(["--list-services", `http://${local.address}`]);
  assert.match(services, /conveyor\.v1\.JobService/);
  const payload = { "@type": "type.googleapis.com/shop.v1.Chore", script: "fail twice", ballast: "AAH/" };
  const request = JSON.stringify({ job: { payload, priority: -3, delay: "1.5s" } });
  const url = `http://${local.address}/conveyor.v1.JobService/Enqueue`;
  for (const protocol of ["grpc-v1", "grpc-v1alpha"]) {
    const answer: unknown = JSON.parse(await bufCurl(["--reflect-protocol", protocol, "-d", request, url]));
    assert.deepEqual(answer, { job: { id: "j-1", payload } });
    const bytes = toBinary(
      ChoreSchema,
      create(ChoreSchema, { script: "fail twice", ballast: new Uint8Array([0, 1, 255]) }),
    );
    assert.deepEqual(
      received,
      create(EnqueueRequestSchema, {
        item: {
          case: "job",
          value: {
            content: { case: "payload", value: { typeUrl: "type.googleapis.com/shop.v1.Chore", value: bytes } },
            priority: -3,
            start: { case: "delay", value: { seconds: 1n, nanos: 500_000_000 } },
          },
        },
      }),
    );
  }
  const unknown = JSON.stringify({ job: { payload: { "@type": "type.googleapis.com/shop.v1.Gone" } } });
  await assert.rejects(bufCurl(["-d", unknown, url]), /shop\.v1\.Gone/);
});

/** `buf curl` in an empty folder, so that it knows nothing but what the server tells. */
async function bufCurl(args: readonly string[]): Promise<string> {
  const cwd = mkdtempSync(path.join(tmpdir(), "conveyor-curl-"));
  const buf = fileURLToPath(new URL("../../node_modules/.bin/buf", import.meta.url));
  const flags = ["curl", "--protocol", "grpc", "--http2-prior-knowledge"];
  try {
    return await new Promise((resolve, reject) => {
      execFile(buf, [...flags, ...args], { cwd }, (error, stdout, stderr) =>
        error ? reject(new Error(stderr, { cause: error })) : resolve(stdout),
      );
    });
  } finally {
    rmSync(cwd, { recursive: true });
  }
}
