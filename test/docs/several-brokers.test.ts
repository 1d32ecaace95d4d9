import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { ownDatabase } from "./own-database.ts";
import { compiles, printed, userProject, writeNamed } from "./user-project.ts";

test("docs / several-brokers.md: two brokers serve one store, producer, worker and command line have both addresses", async () => {
  await using database = await ownDatabase();
  await using project = await userProject("docs/several-brokers.md");
  project.replace("postgres://conveyor@db.example:5432/jobs", `'${database.url}'`);
  const [serving = "", listing = "", passwords = "", composing = "", ...more] = project.blocks("sh");
  assert.deepEqual(more, []);
  const [first = "", second = ""] = serving
    .trim()
    .split("\n")
    .map((line) => line.replace(/--listen \S+/, "--listen 127.0.0.1:0"));
  await using one = await project.serve(first, ["--schema", "schema.binpb"]);
  await using two = await project.serve(second, ["--schema", "schema.binpb"]);
  project.replace("localhost:2671", one.address);
  project.replace("localhost:2672", two.address);
  const names = await Promise.all(project.blocks("ts").map((block) => writeNamed(project.folder, block)));
  await compiles(project, names);
  const worker = project.script("worker.ts");
  assert.equal(await printed(project.script("producer.ts")), "COMPLETED\n");
  assert.match(await project.shell(listing), /photos\.v1\.ResizeImage/);
  worker.kill("SIGTERM");
  await printed(worker);

  await project.shell(passwords);
  for (const profile of ["postgres", "redis"]) {
    assert.match(await readFile(join(project.folder, ".conveyor", `${profile}-password`), "utf8"), /^[\w-]{32}\n$/);
  }
  // There may be no engine here: that these profiles are there, and the file is valid, is what can be tested.
  const compose = parse(readFileSync(new URL("../../docker-compose.yml", import.meta.url), "utf8"), { merge: true });
  const profiles = Object.values(compose.services as Record<string, { profiles?: string[] }>).flatMap(
    (service) => service.profiles ?? [],
  );
  for (const line of composing.trim().split("\n")) {
    const [, profile = ""] = /^docker compose --profile (\w+) up$/.exec(line) ?? assert.fail(line);
    assert.ok(profiles.includes(profile), line);
  }
  project.allTaken();
});
