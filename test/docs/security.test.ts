import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createAuthority } from "../broker/authority.ts";
import { compiles, userProject, writeNamed } from "./user-project.ts";

test("docs / security.md: tokens are made, the broker serves with them over TLS, and worker, command line and buf call it", async () => {
  await using project = await userProject("docs/security.md");
  const authority = await createAuthority();
  const { cert, key } = await authority.issue("broker");
  const pem = { "ca.pem": authority.ca, "cert.pem": cert, "key.pem": key };
  for (const [name, content] of Object.entries(pem))
    await writeFile(join(project.folder, name), content, { mode: 0o600 });
  project.replace("0.0.0.0:2668", "127.0.0.1:0");
  const [making = "", serving = "", calling = "", curl = "", ...more] = project.blocks("sh");
  assert.deepEqual(more, []);

  await project.shell(making);
  assert.match(await readFile(join(project.folder, "tokens.txt"), "utf8"), /^photos-worker:sha256:[0-9a-f]{64}\n$/);
  for (const name of ["tokens.txt", "photos-worker.token"]) {
    assert.equal((await stat(join(project.folder, name))).mode & 0o777, 0o600, name);
  }
  await using broker = await project.serve(serving.trim(), ["--store", ":memory:", "--schema", "schema.binpb"]);
  assert.deepEqual([broker.banner.auth, broker.banner.tls, broker.stderr()], ["tokens", true, ""]);
  // Port 0 is not the one of the example, and the certificate is for localhost.
  project.replace("broker.example:2668", broker.address);
  const [name = ""] = await Promise.all(project.blocks("ts").map((block) => writeNamed(project.folder, block)));
  const source = await readFile(join(project.folder, name), "utf8");
  await writeFile(join(project.folder, name), source.replace("broker.example:2668", broker.address));
  await compiles(project, [name]);
  const worker = project.script(name);
  const [health, enqueued = ""] = calling.trim().split("\n");
  assert.equal(await project.shell(health ?? ""), "serving\n");
  assert.match(await project.shell(enqueued), /completed/i);
  const { jobs } = JSON.parse(await project.shell(curl)) as { jobs: readonly { principal: string }[] };
  assert.deepEqual(
    jobs.map(({ principal }) => principal),
    ["photos-worker"],
  );
  worker.kill("SIGTERM");
  await once(worker, "close");
  assert.equal(worker.exitCode, 0);
  project.allTaken();
});
