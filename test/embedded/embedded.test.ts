import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ChoreJob, MakeAlbumJob, PublishAlbumJob, ResizeImageJob } from "../../gen/shop/v1/shop_jobs.ts";
import { type Embedded, embedded } from "../../src/embedded/index.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { failing, soon } from "../client/failing.ts";

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "conveyor-embedded-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function albums(app: Embedded) {
  return app
    .worker({ concurrency: 4 })
    .handle(MakeAlbumJob, ({ folder, images }, context) => {
      for (let index = 0; index < images; index += 1) context.child(ResizeImageJob, { path: `${folder}/${index}` });
      return context.heir(PublishAlbumJob, { title: folder }, { asResult: true });
    })
    .handle(ResizeImageJob, ({ path }) => ({ path }))
    .handle(PublishAlbumJob, async ({ title }, context) => {
      const thumbnails = await context.results(ResizeImageJob);
      return { indexHtml: title, images: thumbnails.length };
    });
}

test("embedded / a chain runs from the client to its result with no server and no port", async () => {
  await using app = await embedded({ store: ":memory:" });
  void albums(app).run();
  const made = await app.client.enqueue(MakeAlbumJob, { folder: "holiday", images: 300 });
  const album = await made.result({ signal: soon() });
  assert.deepEqual([album.indexHtml, album.images], ["holiday", 300]);
  const resources = process.getActiveResourcesInfo();
  assert.ok(!resources.some((each) => each.includes("Server")), resources.join(", "));
});

test("embedded / a job is watched to its end, and cancelled, without a connection, too", async () => {
  await using app = await embedded({ store: ":memory:" });
  const job = await app.client.enqueue(MakeAlbumJob, { folder: "holiday", images: 1 });
  const states: string[] = [];
  for await (const { state } of job.watch({ signal: soon() })) {
    if (states.at(-1) !== state) states.push(state);
    if (states.length === 1) void albums(app).run();
  }
  assert.deepEqual([states.at(0), states.at(-1)], ["READY", "COMPLETED"]);
  const unwanted = await app.client.enqueue(ChoreJob, {}, { delay: "1h" });
  assert.equal((await unwanted.cancel()).state, "CANCELLED");
});

test("embedded / jobs of a file outlive the process that enqueued them", async () => {
  await inFolder(async (folder) => {
    const store = `sqlite:${join(folder, "jobs.db")}`;
    const first = await embedded({ store });
    const { id } = await first.client.enqueue(MakeAlbumJob, { folder: "holiday", images: 2 });
    await first.close();
    await using second = await embedded({ store });
    void albums(second).run();
    assert.equal((await second.client.handle(id).wait({ signal: soon() })).state, "COMPLETED");
  });
});

test("embedded / a file that is open elsewhere is refused", async () => {
  await inFolder(async (folder) => {
    const store = `sqlite:${join(folder, "jobs.db")}`;
    await using _app = await embedded({ store });
    await assert.rejects(embedded({ store }), failing("STORE_IN_USE"));
  });
});

test("embedded / a store that is none is refused", () =>
  assert.rejects(embedded({ store: "jobs.db" }), failing("INVALID_OPTION", "jobs.db")));

test("embedded / closing lets handlers finish, and they may still enqueue", async () => {
  await inFolder(async (folder) => {
    const store = `sqlite:${join(folder, "jobs.db")}`;
    const app = await embedded({ store });
    const begun = deferred<void>();
    const goOn = deferred<void>();
    const worker = app.worker().handle(ChoreJob, async ({ script }) => {
      if (script !== "first") return;
      begun.resolve();
      await goOn.promise;
      await app.client.enqueue(ChoreJob, { script: "second" }, { id: "second", delay: "1h" });
    });
    const running = worker.run();
    const { id } = await app.client.enqueue(ChoreJob, { script: "first" });
    await begun.promise;
    const closed = app.close();
    goOn.resolve();
    await Promise.all([closed, running]);
    await using again = await embedded({ store });
    assert.equal((await again.client.get(id)).state, "COMPLETED");
    assert.equal((await again.client.get("second")).state, "SCHEDULED");
  });
});

test("embedded / what is used after closing says so", async () => {
  const app = await embedded({ store: ":memory:" });
  await app.close();
  await app.close();
  assert.throws(() => app.worker(), failing("CLOSED"));
  await assert.rejects(app.client.enqueue(ChoreJob, {}), failing("CLOSED"));
});
