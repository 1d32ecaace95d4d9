import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { startRedis } from "../servers/redis.ts";
import { ownDatabase } from "./own-database.ts";
import { compiles, printed, userProject, writeNamed } from "./user-project.ts";

test("docs / stores.md: every URL opens its store, and says where and how durable it is", async () => {
  await using database = await ownDatabase();
  await using project = await userProject("docs/stores.md");
  const redis = await startRedis({ settings: { requirepass: "hush-hush/1" } });
  try {
    await mkdir(join(project.folder, "var"));
    for (const name of ["db-password", "redis-password"]) {
      await writeFile(join(project.folder, name), "hush-hush/1\n", { mode: 0o600 });
    }
    const { host, pathname } = new URL(database.url);
    project.replace("sqlite:/var/lib/conveyor/", `sqlite:${project.folder}/var/`);
    project.replace("db.example:5432/jobs", `${host}${pathname}`);
    project.replace("redis.example:6379", `127.0.0.1:${redis.port}`);
    const [lines = "", ...more] = project.blocks("sh");
    assert.deepEqual(more, []);
    const kinds: string[] = [];
    for (const line of lines.trim().split("\n")) {
      await using broker = await project.serve(line, ["--listen", "127.0.0.1:0"]);
      const store = broker.banner.store as { kind: string; location: string; durability: string };
      assert.match(store.durability, /^every acknowledged change is /);
      assert.doesNotMatch(JSON.stringify(broker.banner) + broker.stderr(), /hush/);
      kinds.push(store.kind);
    }
    assert.deepEqual(kinds, ["sqlite", "postgres", "redis"]);
    const [name = ""] = await Promise.all(project.blocks("ts").map((block) => writeNamed(project.folder, block)));
    await compiles(project, [name]);
    const file = join(project.folder, name);
    await writeFile(file, (await readFile(file, "utf8")).replace("127.0.0.1:2668", "127.0.0.1:0"));
    const script = project.script(name);
    const [line] = await once(createInterface({ input: script.stdout ?? assert.fail("no stdout") }), "line");
    assert.match(String(line), /^127\.0\.0\.1:\d+ every acknowledged change is on disk/);
    script.kill("SIGTERM");
    await printed(script);
    project.allTaken();
  } finally {
    await redis.stop();
  }
});

test("docs / stores.md: the table of losses names what the proof tries, with what it is seen to lose", async () => {
  const page = await readFile(new URL("../../docs/stores.md", import.meta.url), "utf8");
  const { sqliteRows } = await import("../prove/loss/sqlite-rows.ts");
  const { postgresRows } = await import("../prove/loss/postgres-rows.ts");
  const { redisRows } = await import("../prove/loss/redis-rows.ts");
  const rows = [...sqliteRows, ...postgresRows, ...redisRows];
  const table = page.slice(page.indexOf("| what was tried |"), page.indexOf("Everything else in the table"));
  const zeros = table.split("\n").flatMap((line) => /\| ([\d, ]+) \|$/.exec(line)?.[1]?.split(", ") ?? []);
  assert.equal(zeros.filter((lost) => lost === "0").length, rows.filter(({ expects }) => expects === "nothing").length);
  assert.equal(
    zeros.filter((lost) => lost !== "0").length,
    rows.filter(({ expects }) => expects === "something").length,
  );
});
