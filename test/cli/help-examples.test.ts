import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { commands } from "../../src/cli/catalog.ts";
import { connect, createWorker } from "../../src/index.ts";
import { createAuthority } from "../broker/authority.ts";
import { type Served, type UserProject, userProject } from "../docs/user-project.ts";

/** The ids that examples name: a job that is done, one that is dead, one that nobody else's example needs. */
const doneId = "0199c0de-7b1a-7000-8000-000000000001";
const deadId = "0199c0de-7b1a-7000-8000-000000000002";
const spareId = "0199c0de-7b1a-7000-8000-000000000003";

const mailProto = `syntax = "proto3";
package mail.v1;
import "conveyor/v1/options.proto";
message SendEmail {
  option (conveyor.v1.job) = {queue: "mail"};
  string to = 1;
}
`;

/** What the README's buf makes of its types. */
interface Generated {
  readonly ResizeImageSchema: GenMessage<Message<"photos.v1.ResizeImage"> & { path: string }>;
}

let project: UserProject;
let broker: Served;
const closing = new AsyncDisposableStack();

/** A user's project with the types that examples name, a broker that knows them, a worker, and the jobs. */
before(async () => {
  project = closing.use(await userProject("README.md"));
  await mkdir(join(project.folder, "proto/mail/v1"), { recursive: true });
  await writeFile(join(project.folder, "proto/mail/v1/mail.proto"), mailProto);
  await project.shell("buf build -o schema.binpb");
  broker = closing.use(
    await project.serve("conveyor serve", [
      "--listen",
      "127.0.0.1:0",
      "--store",
      ":memory:",
      "--schema",
      "schema.binpb",
    ]),
  );
  const { ResizeImageSchema } = (await import(join(project.folder, "gen/photos/v1/album_pb.ts"))) as Generated;
  const worker = createWorker(broker.address).handle(ResizeImageSchema, ({ path }, context) => {
    if (path === "") throw context.discard(new Error("no path"));
    return { path, width: 320, height: 240 };
  });
  const running = worker.run();
  closing.defer(async () => {
    await worker.stop();
    await running;
  });
  const client = closing.use(connect(broker.address));
  for (const [id, path] of [
    [doneId, "cat.jpg"],
    [deadId, ""],
    [spareId, "dog.jpg"],
  ] as const) {
    await (await client.enqueue(ResizeImageSchema, { path }, { id })).wait();
  }
});
after(() => closing.disposeAsync());

const examples = commands.flatMap(({ name, examples }) => examples.map((example) => ({ name, example })));

test("help / every command has an example, and it is one of that command", () => {
  for (const { name, examples } of commands) assert.ok(examples.length > 0, name);
  for (const { name, example } of examples) assert.ok(example.startsWith(`conveyor ${name}`), example);
});

for (const { name, example } of examples.filter(({ name }) => name !== "serve")) {
  test(`help / the example works: ${example}`, async () => {
    const there = name === "init" ? "mkdir -p empty && cd empty && " : ""; // the project has begun with it
    await project.shell(`${there}${example}`, { CONVEYOR_ADDRESS: broker.address });
  });
}

for (const { example } of examples.filter(({ name }) => name === "serve")) {
  test(`help / the example serves: ${example}`, async () => {
    const authority = await createAuthority();
    const { cert, key } = await authority.issue("broker");
    const hash = "0".repeat(64);
    for (const [name, content] of Object.entries({
      "cert.pem": cert,
      "key.pem": key,
      "tokens.txt": `a:sha256:${hash}\n`,
    }))
      await writeFile(join(project.folder, name), content, { mode: 0o600 });
    const line = example.replace("/var/lib/", `${project.folder}/`).replace("0.0.0.0:2668", "127.0.0.1:0");
    const free = line.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
    await using served = await project.serve(line, free);
    assert.match(served.address, /^127\.0\.0\.1:\d+$/);
  });
}
