import assert from "node:assert/strict";
import { test } from "node:test";
import { ChoreSchema, MakeAlbumSchema, PublishAlbumSchema } from "../../gen/shop/v1/shop_pb.ts";
import type { JobContext } from "../../src/index.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { failing, soon } from "../client/failing.ts";
import { openWorld, type World } from "../client/world.ts";
import { openLink } from "../wire/link.ts";

const wide = 2_500;

/** A parent with `declare` as its handler, and what became of it. */
async function runParent(world: World, declare: (context: JobContext) => unknown, attempts = 1) {
  const children: string[] = [];
  const worker = world
    .worker({ concurrency: 200 })
    .handle(MakeAlbumSchema, async (_, context) => {
      await declare(context);
      return context.heir(PublishAlbumSchema, {}, { asResult: true });
    })
    .handle(ChoreSchema, ({ script }) => void children.push(script))
    .handle(PublishAlbumSchema, async (_, context) => {
      let images = 0;
      for await (const child of context.children()) images += child.key === `${images}` ? 1 : Number.NaN;
      return { images };
    });
  void worker.run();
  const backoff = { kind: "FIXED", initial: "1ms" } as const;
  const handle = await world.client.enqueue(MakeAlbumSchema, {}, { maxAttempts: attempts, backoff });
  const info = await handle.wait({ signal: soon() });
  return { handle, info, children };
}

function declareAll(context: JobContext, count = wide): void {
  for (let index = 0; index < count; index += 1)
    context.child(ChoreSchema, { script: `${index}` }, { key: `${index}` });
}

test("staging / a parent has more children than one result may hold, in the order of their declaration (42)", async () => {
  await using world = await openWorld();
  const { handle, info, children } = await runParent(world, (context) => declareAll(context));
  assert.equal(info.state, "COMPLETED");
  assert.deepEqual(await handle.result({ signal: soon() }).then((album) => Reflect.get(album, "images")), wide);
  assert.equal(new Set(children).size, wide);
  assert.equal(children.length, wide, "each ran once");
});

test("staging / children go out while the handler runs, and flush waits for them", async () => {
  await using world = await openWorld();
  const staged: number[] = [];
  const { info } = await runParent(world, async (context) => {
    declareAll(context);
    await context.flush();
    staged.push(...(await world.store.dump()).jobs.map((job) => job.staged));
  });
  assert.deepEqual([info.state, staged], ["COMPLETED", [wide]]);
});

test("staging / many children of some size are as many frames as it takes", async () => {
  await using world = await openWorld();
  const { info } = await runParent(world, (context) => {
    for (let index = 0; index < 40; index += 1) {
      context.child(
        ChoreSchema,
        { ballast: new Uint8Array(index % 7 === 0 ? 1_048_000 : 100_000) },
        { key: `${index}` },
      );
    }
  });
  assert.equal(info.state, "COMPLETED");
});

test("staging / an attempt that fails drops its children, and the next one stages its own (54)", async () => {
  await using world = await openWorld();
  const { handle, info, children } = await runParent(
    world,
    async (context) => {
      declareAll(context, context.attempt === 1 ? wide : 2_100);
      await context.flush();
      if (context.attempt === 1) throw new Error("once more");
    },
    2,
  );
  assert.equal(info.state, "COMPLETED");
  assert.equal(children.length, 2_100);
  assert.deepEqual((await world.client.chain(handle.id)).totals, { COMPLETED: 2_102 });
});

test("staging / what the broker refuses fails the attempt with that reason", async () => {
  await using world = await openWorld();
  const refused = deferred<unknown>();
  const { info } = await runParent(world, async (context) => {
    declareAll(context);
    context.child(ChoreSchema, {}, { queue: "No Queue" });
    await context.flush().catch(refused.resolve);
  });
  failing("INVALID_NAME", "No Queue")(await refused.promise);
  assert.deepEqual([info.state, info.attempts[0]?.error?.name], ["DEAD", "INVALID_NAME"]);
  assert.deepEqual((await world.client.chain(info.id)).totals, { DEAD: 1 });
});

test("staging / a connection that is cut in between loses and doubles no child (22)", async () => {
  await using world = await openWorld();
  await using link = await openLink(world.address);
  const cut = deferred<void>();
  const worker = world.worker({ concurrency: 1 }, link.address).handle(MakeAlbumSchema, async (_, context) => {
    for (let round = 0; round < 10; round += 1) {
      declareAllIn(context, round);
      if (round === 3 || round === 7) link.cut();
      await context.flush();
    }
    cut.resolve();
    return {};
  });
  void worker.run();
  const handle = await world.client.enqueue(MakeAlbumSchema, {});
  const info = await handle.wait({ until: "RAN", signal: soon() });
  await cut.promise;
  assert.deepEqual([info.attempts.length, info.attempts[0]?.outcome], [1, "SUCCEEDED"]);
  const [parent] = (await world.store.dump()).jobs;
  assert.equal(parent?.pendingChildren, 10_000);
});

function declareAllIn(context: JobContext, round: number): void {
  for (let index = 0; index < 1_000; index += 1) {
    const name = `${round}-${index}`;
    context.child(ChoreSchema, { script: name }, { key: name });
  }
}

test("staging / a parent has 100,000 children (57)", async () => {
  await using world = await openWorld();
  const worker = world.worker({ concurrency: 1 }).handle(MakeAlbumSchema, async (_, context) => {
    for (let index = 0; index < 100_000; index += 1) {
      context.child(ChoreSchema, { script: `${index}` });
      if (index % 5_000 === 0) await context.flush();
    }
    assert.throws(() => context.child(ChoreSchema, {}), failing("TOO_MANY_CHILDREN", "100000"));
    return {};
  });
  void worker.run();
  const handle = await world.client.enqueue(MakeAlbumSchema, {}, { maxAttempts: 1 });
  const { signal } = new AbortController();
  const info = await handle.wait({ until: "RAN", signal });
  assert.deepEqual([info.state, info.attempts[0]?.outcome], ["AWAITING_CHILDREN", "SUCCEEDED"]);
  while ((await world.client.queue("default")).counts.READY !== 100_000) await new Promise(setImmediate);
  const { jobs } = await world.store.dump();
  assert.deepEqual([jobs.length, jobs[0]?.pendingChildren, jobs[0]?.staged], [100_001, 100_000, 0]);
});
