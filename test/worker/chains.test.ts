import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Album,
  ChoreSchema,
  MakeAlbumSchema,
  PublishAlbumSchema,
  ResizeImageSchema,
  SendEmailSchema,
  type Thumbnail,
  ThumbnailSchema,
} from "../../gen/shop/v1/shop_pb.ts";
import { type ChildOutcome, group, type JobContext, job } from "../../src/index.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { failing, soon } from "../client/failing.ts";
import { openWorld, type World } from "../client/world.ts";

/** Declares what `declare` says in a MakeAlbum, and answers how its attempt ended. */
async function attemptOf(world: World, declare: (context: JobContext) => unknown): Promise<string> {
  const worker = world.worker().handle(MakeAlbumSchema, (_, context) => declare(context) ?? {});
  void worker.run();
  const handle = await world.client.enqueue(MakeAlbumSchema, {}, { maxAttempts: 1 });
  const info = await handle.wait({ until: "RAN", signal: soon() });
  await worker.stop();
  const [attempt] = info.attempts;
  return attempt?.error ? `${attempt.error.name}: ${attempt.error.message}` : String(attempt?.outcome);
}

test("chain / three levels of children and heirs give one result at the top (50, 53)", async () => {
  await using world = await openWorld();
  const worker = world
    .worker({ concurrency: 3 })
    .handle(MakeAlbumSchema, ({ folder, images, depth }, context) => {
      for (let index = 0; index < images; index += 1) {
        context.child(ResizeImageSchema, { path: `${folder}/${index}`, width: index });
      }
      if (depth > 0) context.child(MakeAlbumSchema, { folder: `${folder}/sub`, images, depth: depth - 1 });
      return context.heir(PublishAlbumSchema, { title: folder }, { asResult: true });
    })
    .handle(ResizeImageSchema, ({ path, width }) => ({ path, width, height: width }))
    .handle(PublishAlbumSchema, async ({ title }, context) => {
      const thumbnails = await context.results(ResizeImageSchema, { result: ThumbnailSchema });
      const albums = await context.results<Album>(MakeAlbumSchema);
      assert.deepEqual(
        thumbnails.map((each) => each.path),
        [0, 1, 2].map((index) => `${title}/${index}`),
        "in the order of declaration",
      );
      return {
        indexHtml: [title, ...albums.map((each) => each.indexHtml)].join(" "),
        images: thumbnails.length + albums.reduce((sum, each) => sum + each.images, 0),
      };
    });
  void worker.run();
  const handle = await world.client.enqueue(MakeAlbumSchema, { folder: "a", images: 3, depth: 2 });
  const album = await handle.result<Album>({ signal: soon() });
  assert.deepEqual([album.indexHtml, album.images], ["a a/sub a/sub/sub", 9]);
  assert.deepEqual((await world.client.chain(handle.id)).totals, { COMPLETED: 15 });
});

test("chain / an heir reads many children page by page, and sees how each of them ended", async () => {
  await using world = await openWorld();
  const seen: ChildOutcome[] = [];
  const worker = world
    .worker({ concurrency: 50 })
    .handle(MakeAlbumSchema, (_, context) => {
      for (let index = 0; index < 1_200; index += 1) context.child(ResizeImageSchema, { path: `${index}` });
      context.child(ChoreSchema, {}, { key: "bad", policy: "IGNORE", maxAttempts: 1 });
      return context.heir(PublishAlbumSchema, {}, { asResult: true });
    })
    .handle(ResizeImageSchema, ({ path }) => ({ path }))
    .handle(ChoreSchema, () => {
      throw new TypeError("it broke");
    })
    .handle(PublishAlbumSchema, async (_, context) => {
      for await (const child of context.children()) seen.push(child);
      const paths = (await context.results<Thumbnail>(ResizeImageSchema)).map((each) => each.path);
      assert.deepEqual(
        paths,
        Array.from({ length: 1_200 }, (_, index) => `${index}`),
      );
      await assert.rejects(context.results(ChoreSchema), failing("NO_RESULT", "shop.v1.Chore"));
      return { images: paths.length };
    });
  void worker.run();
  const handle = await world.client.enqueue(MakeAlbumSchema, {});
  assert.equal((await handle.result<Album>({ signal: soon() })).images, 1_200);
  assert.equal(seen.length, 1_201);
  assert.deepEqual([seen[7]?.state, seen[7]?.resultType], ["COMPLETED", "shop.v1.Thumbnail"]);
  assert.equal(seen[7]?.result(ThumbnailSchema)?.path, "7");
  const bad = seen.find((each) => each.key === "bad");
  assert.deepEqual(
    [bad?.state, bad?.reason, bad?.error?.name, bad?.error?.message, bad?.result(ThumbnailSchema)],
    ["DEAD", "ATTEMPTS_EXHAUSTED", "TypeError", "it broke", undefined],
  );
});

test("chain / results are for heirs only", async () => {
  await using world = await openWorld();
  const worker = world.worker().handle(ChoreSchema, async (_, context) => {
    await context.results(ResizeImageSchema);
  });
  void worker.run();
  const handle = await world.client.enqueue(ChoreSchema, {}, { maxAttempts: 1 });
  const info = await handle.wait({ signal: soon() });
  assert.equal(info.state, "DEAD");
  assert.match(info.attempts[0]?.error?.message ?? "", /heir|lease/i);
});

test("chain / children declared after the handler ended throw, and are not there (55)", async () => {
  await using world = await openWorld();
  const contexts: JobContext[] = [];
  const worker = world.worker().handle(ChoreSchema, (_, context) => {
    contexts.push(context);
    if (context.attempt === 1) throw new Error("ended badly");
  });
  void worker.run();
  const handle = await world.client.enqueue(ChoreSchema, {}, { backoff: { kind: "FIXED", initial: "1ms" } });
  await handle.wait({ signal: soon() });
  assert.equal(contexts.length, 2);
  for (const context of contexts) {
    assert.throws(() => context.child(ChoreSchema, {}), failing("HANDLER_FINISHED", handle.id, "await"));
    assert.throws(() => context.heir(ChoreSchema, {}), failing("HANDLER_FINISHED"));
  }
  assert.deepEqual((await world.client.chain(handle.id)).totals, { COMPLETED: 1 });
});

test("chain / an attempt that fails after declaring drops its children, its retry declares once (54)", async () => {
  await using world = await openWorld();
  const worker = world.worker().handle(ChoreSchema, ({ script }, context) => {
    if (script !== "parent") return;
    context.child(ChoreSchema, { script: "child" });
    if (context.attempt === 1) throw new Error("once more");
  });
  void worker.run();
  const handle = await world.client.enqueue(
    ChoreSchema,
    { script: "parent" },
    { backoff: { kind: "FIXED", initial: "1ms" } },
  );
  assert.equal((await handle.wait({ signal: soon() })).state, "COMPLETED");
  assert.deepEqual((await world.client.chain(handle.id)).totals, { COMPLETED: 2 });
});

test("chain / declarations that cannot be are failures where they are made", async () => {
  await using world = await openWorld();
  const cases: readonly [declare: (context: JobContext) => unknown, problem: RegExp][] = [
    [(c) => c.child(SendEmailSchema, { towards: 1 } as never), /^PAYLOAD_INVALID: .*"towards"/],
    [(c) => c.child(ChoreSchema, {}, { key: "k".repeat(129) }), /^INVALID_NAME: key/],
    [(c) => [1, 2].map(() => c.child(ChoreSchema, {}, { key: "k" })) && {}, /^DUPLICATE_KEY: .*"k"/],
    [(c) => c.heir(ChoreSchema, {}, { policy: "FAIL_FAST" as never }), /^TREE_INVALID: .*FAIL_FAST/],
    [(c) => c.heir(ChoreSchema, {}, { trigger: "MAYBE" as never }), /^INVALID_OPTION: .*trigger.*SETTLED/],
    [(c) => c.heir(ChoreSchema, {}, { asResult: true }), /^RESULT_TYPE_MISMATCH: .*shop\.v1\.Album.*no result/],
    [(c) => [1, 2].map(() => c.heir(PublishAlbumSchema, {}, { asResult: true })) && {}, /^TREE_INVALID: .*at most one/],
    [(c) => Array.from({ length: 17 }, () => c.heir(ChoreSchema, {})) && {}, /^TOO_MANY_HEIRS: .*16/],
    [(c) => Array.from({ length: 100_001 }, () => c.child(ChoreSchema, {})) && {}, /^TOO_MANY_CHILDREN: .*100000/],
    [
      (c) => [1, 2].map(() => c.heir(ChoreSchema, { ballast: new Uint8Array(600_000) })) && {},
      /^PAYLOAD_TOO_LARGE: .*1048576/,
    ],
    [
      (c) => Array.from({ length: 70 }, () => c.child(ChoreSchema, { ballast: new Uint8Array(1_048_500) })) && {},
      /^PAYLOAD_TOO_LARGE: .*flush/,
    ],
    [(c) => c.heir(PublishAlbumSchema, {}), /^RESULT_TYPE_MISMATCH: .*asResult/],
  ];
  for (const [declare, problem] of cases) assert.match(await attemptOf(world, declare), problem);
});

test("chain / a sibling that fails fast aborts those that run, and the abort carries its reason (40)", async () => {
  await using world = await openWorld();
  const running = deferred<void>();
  const aborted = deferred<unknown>();
  const worker = world
    .worker()
    .handle(ChoreSchema, async () => {
      await running.promise;
      throw new Error("fails fast");
    })
    .handle(ResizeImageSchema, async (_, { signal }) => {
      running.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      aborted.resolve(signal.reason);
      throw signal.reason;
    });
  void worker.run();
  const handle = await world.client.enqueueTree({
    job: group(),
    children: [
      { job: job(ChoreSchema, {}, { maxAttempts: 1 }), policy: "FAIL_FAST" },
      { job: job(ResizeImageSchema, {}), key: "slow" },
    ],
  });
  const info = await handle.wait({ signal: soon() });
  failing("ABORTED", "SIBLING_FAILED")(await aborted.promise);
  assert.deepEqual([info.state, info.reason], ["DEAD", "CHAIN_FAILED"]);
  for await (const each of world.client.list({ parentId: handle.id, states: ["CANCELLED"], full: true })) {
    assert.deepEqual([each.key, each.reason, each.attempts[0]?.outcome], ["slow", "SIBLING_FAILED", "CANCELLED"]);
  }
});

test("chain / a job that finishes well although it was asked to stop is completed (39)", async () => {
  await using world = await openWorld();
  const running = deferred<void>();
  const worker = world
    .worker()
    .handle(ChoreSchema, async () => {
      await running.promise;
      throw new Error("fails fast");
    })
    .handle(ResizeImageSchema, async (_, { signal }) => {
      running.resolve();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return { path: "done all the same" };
    });
  void worker.run();
  const handle = await world.client.enqueueTree({
    job: group(),
    children: [
      { job: job(ChoreSchema, {}, { maxAttempts: 1 }), policy: "FAIL_FAST" },
      { job: job(ResizeImageSchema, {}) },
    ],
  });
  await handle.wait({ signal: soon() });
  assert.deepEqual((await world.client.queue("images")).counts, { COMPLETED: 1 });
});

test("chain / what is declared inherits metadata and priority", async () => {
  await using world = await openWorld();
  const seen = deferred<JobContext>();
  const worker = world.worker().handle(ChoreSchema, ({ script }, context) => {
    if (script === "child") seen.resolve(context);
    else context.child(ChoreSchema, { script: "child" }, { key: "only" });
  });
  void worker.run();
  const handle = await world.client.enqueue(ChoreSchema, {}, { priority: 9, metadata: { trace: "t" } });
  await handle.wait({ signal: soon() });
  const child = await seen.promise;
  assert.deepEqual(
    [child.priority, child.metadata, child.role, child.parentId, child.rootId, child.depth, child.key],
    [9, { trace: "t" }, "CHILD", handle.id, handle.id, 1, "only"],
  );
});
