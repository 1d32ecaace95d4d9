import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Generated, generate } from "./generated.ts";

const head = 'syntax = "proto3";\npackage photos.v1;\nimport "conveyor/v1/options.proto";\n';
const album = `${head}import "photos/v1/thumbnail.proto";
// Makes an album.
//
// Slowly.
message MakeAlbum {
  option (conveyor.v1.job) = {
    queue: "albums"
    result: "photos.v1.Thumbnail.Big"
    priority: -1
    max_attempts: 3
    timeout: {seconds: 30}
    backoff: {kind: BACKOFF_KIND_FIXED, initial: {seconds: 2}}
  };
  string folder = 1;
  message Page { option (conveyor.v1.job) = {result: "google.protobuf.Timestamp"}; }
}
message tidy { option (conveyor.v1.job) = {}; option deprecated = true; }
message Cover {}
`;
const pages = `${head}
message Page { option (conveyor.v1.job) = {}; }
`;
const thumbnail = `syntax = "proto3";
package photos.v1;
import public "google/protobuf/timestamp.proto";
message Thumbnail { message Big { string path = 1; } }
`;
const thumbnails = { "photos/v1/thumbnail.proto": thumbnail };

let made: Generated;

before(async () => {
  const protos = { "photos/v1/album.proto": album, "photos/v1/2-pages.of_it.proto": pages, ...thumbnails };
  made = await generate(protos);
});

after(() => made[Symbol.asyncDispose]());

test("protoc-gen-conveyor / a job type becomes a stub: name, schemas, options, comments", async () => {
  assert.equal(made.code, 0, made.said);
  const code = await made.read("photos/v1/album_jobs.ts");
  assert.ok(
    code.includes(`/**
 * Makes an album.
 *
 * Slowly.
 *
 * @generated from message photos.v1.MakeAlbum
 */
export const MakeAlbumJob: JobStub<typeof MakeAlbumSchema, typeof Thumbnail_BigSchema> = {
  kind: "job",
  name: "photos.v1.MakeAlbum",
  payload: MakeAlbumSchema,
  result: Thumbnail_BigSchema,
  options: { queue: "albums", priority: -1, maxAttempts: 3, backoff: { kind: "FIXED", initialMs: 2000, maxMs: 600000, multiplier: 2, jitter: 1 }, timeoutMs: 30000 },
};
`),
    code,
  );
  assert.match(code, /@deprecated\n \*\/\nexport const tidyJob: JobStub<typeof tidySchema, undefined> = \{/);
  assert.match(code, /^ {2}result: undefined,\n {2}options: \{\},$/m);
  assert.match(code, /^import { TimestampSchema } from "@bufbuild\/protobuf\/wkt";$/m);
  assert.doesNotMatch(code, /Cover/);
});

test("protoc-gen-conveyor / one object holds the stubs of a file", async () => {
  const code = await made.read("photos/v1/album_jobs.ts");
  assert.ok(
    code.endsWith(`export const albumJobs: {
  readonly makeAlbum: typeof MakeAlbumJob;
  readonly makeAlbum_Page: typeof MakeAlbum_PageJob;
  readonly tidy: typeof tidyJob;
} = {
  makeAlbum: MakeAlbumJob,
  makeAlbum_Page: MakeAlbum_PageJob,
  tidy: tidyJob,
};
`),
    code,
  );
});

test("protoc-gen-conveyor / what it writes compiles under the strictest rules", async () => {
  assert.match(await made.read("photos/v1/2-pages.of_it_jobs.ts"), /^export const _2PagesOfItJobs: {$/m);
  assert.equal(await made.compile(), "");
});

test("protoc-gen-conveyor / target=js+dts writes both", async () => {
  const opt = ["target=js+dts", "import_extension=js"];
  await using made = await generate({ "photos/v1/album.proto": album, ...thumbnails }, { opt });
  assert.equal(made.code, 0, made.said);
  const js = await made.read("photos/v1/album_jobs.js");
  assert.match(js, /^export const MakeAlbumJob = {$/m);
  assert.match(js, /from "\.\/album_pb\.js"/);
  assert.doesNotMatch(js, /JobStub|src\/index/);
  assert.match(await made.read("photos/v1/album_jobs.d.ts"), /MakeAlbumJob: JobStub<typeof MakeAlbumSchema, /);
  assert.equal(await made.compile(), "");
});

test("protoc-gen-conveyor / a file without job types, and the Group of the contract, give nothing", async () => {
  await assert.rejects(made.read("photos/v1/thumbnail_jobs.ts"), { code: "ENOENT" });
  await assert.rejects(made.read("conveyor/v1/group_jobs.ts"), { code: "ENOENT" });
});

for (const [problem, body, said] of [
  [
    "a result that is nowhere",
    'message MakeAlbum { option (conveyor.v1.job) = {result: "photos.v1.Alum"}; }',
    /photos\/v1\/album\.proto: photos\.v1\.MakeAlbum declares the result photos\.v1\.Alum, which is neither in/,
  ],
  [
    "a result in a file that is not imported",
    'message MakeAlbum { option (conveyor.v1.job) = {result: "photos.v1.Thumbnail"}; }',
    /photos\/v1\/album\.proto: photos\.v1\.MakeAlbum declares the result photos\.v1\.Thumbnail/,
  ],
  [
    "a queue that cannot be one",
    'message MakeAlbum { option (conveyor.v1.job) = {queue: "My Albums"}; }',
    /photos\/v1\/album\.proto: photos\.v1\.MakeAlbum\.queue: a queue name is 1 to 100/,
  ],
  [
    "two job types of one name",
    "message A { message B { option (conveyor.v1.job) = {}; } }\nmessage a_B { option (conveyor.v1.job) = {}; }",
    /photos\/v1\/album\.proto: the job types photos\.v1\.A\.B and photos\.v1\.a_B would both be called a_B; rename/,
  ],
] as const) {
  test(`protoc-gen-conveyor / ${problem} is an error that names file and message`, async () => {
    const protos = { "photos/v1/album.proto": `${head}${body}\n`, ...thumbnails };
    await using made = await generate(protos, { messages: "not needed" });
    assert.equal(made.code, 1);
    assert.match(made.said, said);
    assert.doesNotMatch(made.said, /^\s+at /m);
  });
}

test("protoc-gen-conveyor / an option that it does not know is refused", async () => {
  await using made = await generate(thumbnails, { opt: ["target=tsx"], messages: "not needed" });
  assert.equal(made.code, 1);
  assert.match(made.said, /invalid option "target=tsx"/);
});
