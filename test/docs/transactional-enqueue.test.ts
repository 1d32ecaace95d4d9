import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { connect, createWorker } from "../../src/index.ts";
import { ownDatabase } from "./own-database.ts";
import { compiles, printed, userProject, writeNamed } from "./user-project.ts";

test("docs / transactional-enqueue.md: its script, its SQL and its grants do what the page says", async () => {
  await using database = await ownDatabase();
  await using project = await userProject("docs/transactional-enqueue.md");
  await using broker = await project.serve("conveyor serve --listen 127.0.0.1:0", [
    ...["--store", database.url, "--schema", "schema.binpb"],
  ]);
  project.replace("localhost:2668", broker.address);
  const [name = "", ...more] = await Promise.all(
    project.blocks("ts").map((block) => writeNamed(project.folder, block)),
  );
  assert.deepEqual(more, []);
  await compiles(project, [name]);
  const { ResizeImageSchema } = await import(`${project.folder}/gen/photos/v1/album_pb.ts`);
  await using worker = createWorker(broker.address);
  worker.handle(ResizeImageSchema, () => ({ path: "cat.jpg", width: 320, height: 240 }));
  void worker.run();
  assert.equal(await printed(project.script(name, { DATABASE_URL: database.url })), "COMPLETED\n");

  const [one = "", batch = "", grants = "", ...others] = project.blocks("sql");
  assert.deepEqual(others, []);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await using conveyor = connect(broker.address);
  try {
    const answers = (await client.query(one)) as unknown as readonly pg.QueryResult<{ enqueue: string }>[];
    const id = answers[1]?.rows[0]?.enqueue ?? "";
    const { state, queue, priority, type } = await conveyor.get(id);
    assert.deepEqual([state, queue, priority, type], ["SCHEDULED", "images", 5, "photos.v1.ResizeImage"]);
    assert.deepEqual((await client.query(batch)).rows, [
      { id: "cat", deduplicated: false },
      { id: "dog", deduplicated: false },
    ]);
    assert.equal((await conveyor.handle("dog").wait()).state, "COMPLETED");
    await client.query("BEGIN");
    await client.query(batch.replaceAll('"cat"', '"no cat"'));
    await client.query("ROLLBACK");
    await assert.rejects(conveyor.get("no cat"), { code: "JOB_NOT_FOUND" });
    await client.query(grants.replaceAll("shop", database.role));
    await client.query(`SET SESSION AUTHORIZATION ${database.role}`);
    const { rows } = await client.query<{ id: string }>("SELECT conveyor.enqueue('a.B', '') AS id");
    assert.equal((await conveyor.get(rows[0]?.id ?? "")).type, "a.B");
    await assert.rejects(client.query("SELECT * FROM conveyor.job"), /permission denied/);
    await assert.rejects(
      client.query("SELECT conveyor.enqueue('a.B', '', '{\"colour\": 1}')"),
      (error: pg.DatabaseError) => {
        assert.equal(error.code, "22023");
        assert.match(error.message, /^INVALID_OPTION: /);
        return true;
      },
    );
  } finally {
    await client.end();
  }
  project.allTaken();
});
