import assert from "node:assert/strict";
import { test } from "node:test";
import { ChoreJob, MakeAlbumJob, PublishAlbumJob, ResizeImageJob } from "../../gen/shop/v1/shop_jobs.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { testConveyor } from "../../src/testing/index.ts";
import { failing } from "../client/failing.ts";

test("test kit / drain runs a whole chain, and nothing that is not due", async () => {
  await using t = await testConveyor();
  t.worker()
    .handle(MakeAlbumJob, ({ folder, images }, context) => {
      for (let index = 0; index < images; index += 1) context.child(ResizeImageJob, { path: `${folder}/${index}` });
      return context.heir(PublishAlbumJob, { title: folder }, { asResult: true });
    })
    .handle(ResizeImageJob, ({ path }) => ({ path }))
    .handle(PublishAlbumJob, async ({ title }, context) => {
      const thumbnails = await context.results(ResizeImageJob);
      return { indexHtml: title, images: thumbnails.length };
    });
  const made = await t.client.enqueue(MakeAlbumJob, { folder: "holiday", images: 20 });
  const later = await t.client.enqueue(MakeAlbumJob, { folder: "later" }, { delay: "1h" });
  await t.drain();
  assert.equal((await made.result()).images, 20);
  assert.equal((await later.get()).state, "SCHEDULED");
});

test("test kit / advance runs what becomes due, each at its time", async () => {
  const start = new Date("2030-01-01T00:00:00Z");
  await using t = await testConveyor({ now: start });
  const ran: string[] = [];
  t.worker().handle(ChoreJob, async ({ script }) => {
    ran.push(`${script} at ${(t.now().getTime() - start.getTime()) / 60_000} min`);
    // What a job enqueues counts from its own time, not from the end of the whole span.
    if (script === "first") await t.client.enqueue(ChoreJob, { script: "third" }, { delay: "15m" });
  });
  await t.client.enqueue(ChoreJob, { script: "second" }, { delay: "20m" });
  await t.client.enqueue(ChoreJob, { script: "first" }, { delay: "10m" });
  await t.client.enqueue(ChoreJob, { script: "too late" }, { delay: "61m" });
  await t.advance("9m");
  assert.deepEqual(ran, []);
  await t.advance("51m");
  assert.deepEqual(ran, ["first at 10 min", "second at 20 min", "third at 25 min"]);
  assert.equal(t.now().toISOString(), "2030-01-01T01:00:00.000Z");
});

test("test kit / back-off takes no real time", async () => {
  await using t = await testConveyor();
  let attempts = 0;
  t.worker().handle(ChoreJob, () => {
    attempts += 1;
    if (attempts < 4) throw new Error("not yet");
  });
  const backoff = { kind: "FIXED", initial: "1h", max: "1h", jitter: 0 } as const;
  const job = await t.client.enqueue(ChoreJob, {}, { maxAttempts: 4, backoff });
  const failed = await t.waitFor(job, "RETRYING");
  assert.equal(failed.runAt?.getTime(), t.now().getTime() + 3_600_000);
  await t.advance("2h");
  assert.equal(attempts, 3);
  await t.advance("1h");
  await t.waitFor(job, "COMPLETED");
});

test("test kit / a handler's time-out comes when the clock is moved", async () => {
  await using t = await testConveyor();
  const reasons: unknown[] = [];
  t.worker().handle(ChoreJob, async (_, { signal }) => {
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    reasons.push(signal.reason);
    throw signal.reason;
  });
  const job = await t.client.enqueue(ChoreJob, {}, { timeout: "30m", maxAttempts: 1 });
  await t.waitFor(job, "RUNNING");
  await t.advance("29m");
  assert.deepEqual(reasons, []);
  await t.advance("2m");
  const { attempts } = await t.waitFor(job, "DEAD");
  assert.equal(attempts[0]?.error?.name, "TIMED_OUT");
  assert.equal(reasons.length, 1);
});

test("test kit / a worker keeps its jobs over days of the clock", async () => {
  await using t = await testConveyor();
  const goOn = deferred<void>();
  t.worker().handle(ChoreJob, () => goOn.promise);
  const job = await t.client.enqueue(ChoreJob, {}, { timeout: "30d" });
  await t.waitFor(job, "RUNNING");
  await t.advance("29d");
  goOn.resolve();
  const { attempt, crashCount } = await t.waitFor(job, "COMPLETED");
  assert.deepEqual([attempt, crashCount], [1, 0]);
});

test("test kit / ended jobs go when they were kept long enough", async () => {
  await using t = await testConveyor();
  t.worker().handle(ChoreJob, () => undefined);
  const job = await t.client.enqueue(ChoreJob, {});
  await t.waitFor(job, "COMPLETED");
  await t.advance("23h");
  await job.get();
  await t.advance("2h");
  await assert.rejects(job.get(), failing("JOB_NOT_FOUND"));
});

test("test kit / waitFor tells why a job does not get there", async () => {
  await using t = await testConveyor();
  t.worker().handle(ChoreJob, () => {
    throw new Error("no soap");
  });
  const dead = await t.client.enqueue(ChoreJob, {}, { maxAttempts: 1 });
  await assert.rejects(t.waitFor(dead, "COMPLETED"), failing("JOB_FAILED", "DEAD", "no soap"));
  const later = await t.client.enqueue(ChoreJob, {}, { delay: "5m" });
  await assert.rejects(t.waitFor(later.id, "COMPLETED"), failing("TIMED_OUT", "SCHEDULED", "due in 300000 ms"));
  const nobodys = await t.client.enqueue(ResizeImageJob, {});
  await assert.rejects(t.waitFor(nobodys, "COMPLETED"), failing("TIMED_OUT", "shop.v1.ResizeImage", "is READY"));
});

test("test kit / drain without a worker for what is ready leaves it, and with a handler that hangs it gives up", async () => {
  await using t = await testConveyor({ timeout: "500ms" });
  t.worker().handle(ChoreJob, () => new Promise<void>(() => undefined));
  await t.client.enqueue(ResizeImageJob, {});
  await t.drain();
  const { id } = await t.client.enqueue(ChoreJob, {});
  await assert.rejects(t.drain(), failing("TIMED_OUT", "drain()", `${id} is RUNNING`));
});

test("test kit / what a worker is refused for is told by the next wait", async () => {
  await using t = await testConveyor();
  t.worker();
  await assert.rejects(t.drain(), failing("INVALID_OPTION", "handles nothing"));
});

test("test kit / closing takes no time, whatever runs", async () => {
  const t = await testConveyor();
  t.worker().handle(ChoreJob, () => new Promise<void>(() => undefined));
  const job = await t.client.enqueue(ChoreJob, {});
  await t.waitFor(job, "RUNNING");
  const startedAt = performance.now();
  await t.close();
  assert.ok(performance.now() - startedAt < 2_000);
});
