// From an empty folder to the result of a chain with nothing but the README and the package as it would be published.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { printed } from "../docs/user-project.ts";
import { type PackedProject, packedProject } from "./packed-project.ts";

let project: PackedProject;
/** The README's files by name, and its shell lines. */
const files = new Map<string, string>();
const lines: string[] = [];

before(async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, section = ""] = /^## The first five minutes\n([\s\S]*?)^## /m.exec(readme) ?? [];
  for (const [, language, block = ""] of section.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    if (language === "sh") lines.push(...block.trim().split("\n"));
    else files.set(/^(?:\/\/|#) (\S+)\n/.exec(block)?.[1] ?? assert.fail(`a block names no file: ${block}`), block);
  }
  project = await packedProject();
  await project.write("package.json", "{}"); // as npm install leaves it
  for (const line of take(/^npm install /)) await project.install(line);
  for (const [name, text] of files) await project.write(name, text);
  for (const line of take(/^(npm pkg|npx conveyor init|npx buf)\b/)) {
    const { code, stderr } = await project.shell(line);
    assert.equal(code, 0, `${line}: ${stderr}`);
  }
});

after(() => project?.[Symbol.asyncDispose]());

function take(pattern: RegExp): readonly string[] {
  const taken = lines.filter((line) => pattern.test(line));
  assert.notEqual(taken.length, 0, String(pattern));
  return taken;
}

function file(name: string): string {
  return files.get(name) ?? assert.fail(`the README has no ${name}`);
}

test("first five minutes / all that is written by hand, job types too, is at most 25 lines", () => {
  const shownBesides = ["embedded.ts", "resize.test.ts"]; // the broker in the process, and in tests
  const byHand = [...files.keys()].filter((name) => !shownBesides.includes(name));
  assert.deepEqual(byHand, ["proto/photos/v1/album.proto", "worker.ts", "producer.ts"]);
  const lines = byHand.map(file).join("").split("\n");
  const written = lines.filter((line) => !/^\s*(\/\/.*)?$/.test(line));
  assert.ok(written.length <= 25, `${written.length} lines`);
});

test("first five minutes / the first chain runs to its end", { timeout: 60_000 }, async () => {
  const [serve = ""] = take(/^npx conveyor serve/);
  const args = [...serve.split(" ").slice(2), "--listen", "127.0.0.1:0", "--store", "sqlite:jobs.db", "-o", "json"];
  const broker = project.start("node_modules/.bin/conveyor", args);
  const [banner] = await once(createInterface({ input: broker.stdout ?? assert.fail() }), "line");
  const { address } = JSON.parse(String(banner)) as { readonly address: string };
  for (const name of ["worker.ts", "producer.ts"]) {
    await project.write(name, file(name).replace("localhost:2668", address));
  }
  const worker = project.start(process.execPath, ["worker.ts"]);
  const producer = project.start(process.execPath, ["producer.ts"]);
  assert.equal(await printed(producer), "holiday: holiday/cat.jpg, holiday/dog.jpg\n");
  worker.kill("SIGTERM");
  await printed(worker);
  broker.kill("SIGTERM");
  await once(broker, "close");
});

test("first five minutes / the embedded broker runs with no other process", { timeout: 60_000 }, async () => {
  assert.match(await printed(project.start(process.execPath, ["embedded.ts"])), /cat\.jpg/);
});

test("first five minutes / the test of a job passes", { timeout: 60_000 }, async () => {
  assert.match(await printed(project.start(process.execPath, ["resize.test.ts"])), /pass 1/);
});

/** Each is one edit of the README's code that must not compile. */
const misuses: readonly (readonly [what: string, file: string, from: string, to: string])[] = [
  ["a wrong field of a payload", "producer.ts", "folder:", "foldr:"],
  ["a field of a wrong type", "producer.ts", '"holiday"', "42"],
  ["a field that the result has not", "producer.ts", ").indexHtml", ").path"],
  ["an unknown job type", "producer.ts", "enqueue(MakeAlbumJob", 'enqueue("photos.v1.MakeAlbum"'],
  ["a field that the handler's payload has not", "worker.ts", "makeAlbum({ folder }", "makeAlbum({ foldr: folder }"],
  ["a wrong field of a child", "worker.ts", "width: 320", "with: 320"],
  ["a wrong field of an heir", "worker.ts", "{ title: folder }", "{ titel: folder }"],
  ["a wrong result", "worker.ts", "indexHtml:", "indexHtm:"],
  ["a field too many in a result", "worker.ts", "height: (", "heigth: ("],
  ["no result", "worker.ts", "=> ({ path, width", "=> void ({ path, width"],
  ["a missing handler", "worker.ts", "resizeImage:", "resizeImages:"],
  ["an heir of another result type", "worker.ts", "heir(PublishAlbumJob, { title: folder }", "heir(ResizeImageJob, {}"],
  ["results of another type", "worker.ts", "results(ResizeImageJob)", "results(PublishAlbumJob)"],
];

test("first five minutes / the code compiles strictly, and each misuse of it does not", async () => {
  const compilerOptions = {
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
  };
  await project.install("npm install --save-dev typescript @types/node");
  for (const [index, [what, name, from, to]] of misuses.entries()) {
    const source = file(name);
    assert.equal(source.split(from).length, 2, `${what}: the README has "${from}" once in ${name}`);
    await project.write(`misuse-${index}.ts`, source.replace(from, to));
  }
  await project.write("tsconfig.json", JSON.stringify({ compilerOptions, include: ["*.ts", "gen"] }));
  const { stdout } = await project.shell("npx tsc -p tsconfig.json --pretty false");
  const wrong = new Set([...stdout.matchAll(/^(\S+)\(\d+,\d+\): error/gm)].map(([, name]) => name));
  assert.deepEqual([...wrong].sort(), misuses.map((_, index) => `misuse-${index}.ts`).sort(), stdout);
});

test("first five minutes / without protoplugin the generator says what it needs, in one line", async () => {
  await project.uninstall("@bufbuild/protoplugin");
  const { code, stderr } = await project.shell("npx protoc-gen-conveyor </dev/null");
  assert.equal(code, 1);
  const said = 'protoc-gen-conveyor: it needs @bufbuild/protoplugin beside protoc-gen-es: run "npm install --save-dev';
  assert.ok(
    stderr.split("\n").some((line) => line.startsWith(said)),
    stderr,
  );
  assert.doesNotMatch(stderr, /^\s+at /m);
});
