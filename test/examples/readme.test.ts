import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { compiles, printed, type Served, type UserProject, userProject, writeNamed } from "../docs/user-project.ts";

let readme: string;
let project: UserProject;
let broker: Served;
let lines: readonly string[];

/** A project of a user with the README's files, and a broker as the README starts it. */
before(async () => {
  readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  project = await userProject("README.md");
  const serving = /^npx conveyor serve .*$/m.exec(readme)?.[0] ?? assert.fail("the README starts no broker");
  broker = await project.serve(serving, ["--listen", "127.0.0.1:0", "--store", "sqlite:jobs.db"]);
  project.replace("localhost:2668", broker.address);
  lines = project.blocks("sh").flatMap((block) => block.trim().split("\n"));
  for (const block of project.blocks("ts")) await writeNamed(project.folder, block);
  project.blocks("proto"); // it made the project
  project.allTaken();
});

after(async () => {
  await broker[Symbol.asyncDispose]();
  await project[Symbol.asyncDispose]();
});

function commands(pattern: RegExp): readonly string[] {
  const found = lines.filter((line) => pattern.test(line));
  assert.ok(found.length > 0, String(pattern));
  return found;
}

/** Runs a line of the README in the user's project. */
function shell(line: string): Promise<string> {
  return project.shell(line, { CONVEYOR_ADDRESS: broker.address });
}

test("README / every line is run by one of these tests", () => {
  const run = /^(npm (install|pkg) |npx buf (generate|build)|npx conveyor (init|serve)|buf curl|conveyor |grpcurl )/;
  assert.deepEqual(
    lines.filter((line) => !run.test(line)),
    [],
  );
});

test("README / the worker and the producer run as they stand there", async () => {
  const worker = project.script("worker.ts");
  assert.equal(await printed(project.script("producer.ts")), "holiday: holiday/cat.jpg, holiday/dog.jpg\n");
  for (const line of commands(/^conveyor /)) assert.ok((await shell(line)) !== undefined, line);
  worker.kill("SIGTERM");
  await printed(worker);
});

test("README / the embedded broker runs as it stands there", async () => {
  assert.match(await printed(project.script("embedded.ts")), /cat\.jpg/);
});

test("README / the test of a job passes as it stands there", async () => {
  assert.match(await printed(project.script("resize.test.ts")), /pass 1/);
});

test("README / its TypeScript compiles under strict rules", () =>
  compiles(project, ["worker.ts", "producer.ts", "embedded.ts", "resize.test.ts"]));

test("README / buf curl enqueues typed JSON with nothing but the address", async () => {
  for (const line of commands(/^buf curl/)) {
    const { job } = JSON.parse(await shell(line)) as { job: { type: string; priority: number } };
    assert.deepEqual([job.type, job.priority], ["photos.v1.ResizeImage", 5]);
  }
});

test("README / grpcurl, or buf curl in its place where there is none", async () => {
  const lines = commands(/^grpcurl/);
  assert.ok(lines.length > 0);
  for (const line of lines) await shell(hasGrpcurl() ? line : asBufCurl(line));
});

function hasGrpcurl(): boolean {
  return spawnSync("grpcurl", ["-version"]).status === 0;
}

/** The same question to the broker: another client that finds all it needs by reflection. */
function asBufCurl(line: string): string {
  const [, data, address, rest = ""] = /^grpcurl -plaintext (?:-d ('.*') )?(\S+) (.*)$/.exec(line) ?? assert.fail(line);
  const curl = "buf curl --protocol grpc --http2-prior-knowledge";
  if (data !== undefined) return `${curl} --data ${data} http://${address}/${rest}`;
  if (rest === "list") return `${curl} --list-services http://${address}`;
  // It describes no message, but it needs the description to read one from JSON.
  const type = /^describe (\S+)$/.exec(rest)?.[1] ?? assert.fail(line);
  const job = `{"job": {"payload": {"@type": "type.googleapis.com/${type}"}}}`;
  return `${curl} --data '${job}' http://${address}/conveyor.v1.JobService/Enqueue`;
}

test("README / every serve flag and command of its table exists", async () => {
  const help = await shell("conveyor help");
  for (const [, group = "", rest = ""] of readme.matchAll(/^\| `conveyor (\w+) ?([^|]*)\|/gm)) {
    const words = [...rest.matchAll(/\b(list|show|wait|cancel|retry|delete|pause|resume|limit|set|purge|help)\b/g)].map(
      ([word]) => `${group} ${word}`,
    );
    for (const name of words.length === 0 || group === "version" ? [group] : words)
      assert.match(help, new RegExp(`^  ${name} `, "m"));
  }
  const [serveRow = ""] = /^\| `conveyor serve`.*$/m.exec(readme) ?? [];
  const serveHelp = await shell("conveyor help serve");
  for (const [flag] of serveRow.matchAll(/--[a-z-]+/g)) assert.ok(serveHelp.includes(flag), flag);
});
