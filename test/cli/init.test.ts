import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { conveyor } from "./conveyor.ts";

// What its files make of .proto files, the packed-package test and every page of the documentation try out.

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "conveyor-init-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const init = (...args: readonly string[]) => conveyor(["init", ...args], { cwd: folder });

test("init / writes buf's two files into an empty folder, and says what comes next", async () => {
  const { code, stdout, stderr } = await init();
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "wrote buf.yaml\nwrote buf.gen.yaml\n");
  assert.match(stderr, /^next: .*"npx buf generate"/);
  assert.deepEqual(await readdir(folder), ["buf.gen.yaml", "buf.yaml"]);
});

test("init / makes the folder that it is given", async () => {
  const { code, stdout, stderr } = await init("services/photos");
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "wrote services/photos/buf.yaml\nwrote services/photos/buf.gen.yaml\n");
  assert.match(stderr, /^next in services\/photos: /);
  assert.deepEqual(await readdir(join(folder, "services/photos")), ["buf.gen.yaml", "buf.yaml"]);
});

test("init / -o json names what was written and what was there", async () => {
  await writeFile(join(folder, "buf.yaml"), "version: v2\n");
  const { code, stdout, stderr } = await init("-o", "json");
  assert.equal(code, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), { folder: ".", written: ["buf.gen.yaml"], kept: ["buf.yaml"] });
  assert.equal(stderr, "");
});

test("init / leaves a file that is there as it is, and says what it would have written", async () => {
  await writeFile(join(folder, "buf.yaml"), "version: v2\n");
  const { code, stdout, stderr } = await init();
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "wrote buf.gen.yaml\n");
  assert.match(stderr, /^buf\.yaml is there already, .*\n {2}version: v2\n {2}modules:\n/);
  assert.match(stderr, /^ {4}- path: node_modules\/conveyor-jobs\/proto$/m);
  assert.equal(await readFile(join(folder, "buf.yaml"), "utf8"), "version: v2\n");
});

test("init / a second run finds its files as they would be written, changes nothing, and ends with 0", async () => {
  assert.equal((await init()).code, 0);
  const { code, stdout, stderr } = await init();
  assert.equal(code, 0, stderr);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^buf\.yaml is there already, as it would be written\nbuf\.gen\.yaml is there already, .*\nnext: /,
  );
});

test("init / ends with 2 when both files are there, and one is another", async () => {
  assert.equal((await init()).code, 0);
  await writeFile(join(folder, "buf.yaml"), "version: v2\n");
  const { code, stderr } = await init();
  assert.equal(code, 2, stderr);
  assert.match(stderr, /^buf\.gen\.yaml is there already, as it would be written$/m);
  assert.equal(await readFile(join(folder, "buf.yaml"), "utf8"), "version: v2\n");
});

test("init / ends with 2 when both files are there", async () => {
  for (const name of ["buf.yaml", "buf.gen.yaml"]) await writeFile(join(folder, name), name);
  const { code, stdout, stderr } = await init();
  assert.equal(code, 2, stderr);
  assert.equal(stdout, "");
  assert.match(
    stderr,
    /^conveyor: INVALID_OPTION: nothing was written: buf\.yaml and buf\.gen\.yaml are there already/m,
  );
  for (const name of ["buf.yaml", "buf.gen.yaml"]) assert.equal(await readFile(join(folder, name), "utf8"), name);
});

test("init / with -o json a refusal is one line of JSON", async () => {
  for (const name of ["buf.yaml", "buf.gen.yaml"]) await writeFile(join(folder, name), name);
  const { code, stderr } = await init("-o", "json");
  assert.equal(code, 2);
  assert.equal((JSON.parse(stderr) as { error: { code: string } }).error.code, "INVALID_OPTION");
});

test("init / a folder that is a file is refused with 2", async () => {
  await writeFile(join(folder, "photos"), "");
  const { code, stderr } = await init("photos");
  assert.equal(code, 2, stderr);
  assert.match(stderr, /INVALID_OPTION: photos\/buf\.yaml cannot be written: EEXIST/);
});
