import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConveyorError } from "../../src/core/errors.ts";
import { createBatcher } from "../../src/runtime/batcher.ts";
import { type Deferred, deferred, turnOfEventLoop } from "../../src/runtime/deferred.ts";

/** A batcher whose batches wait until the test lets them go. */
function held(
  bounds: {
    readonly itemsMax?: number;
    readonly bytesMax?: number;
    readonly pendingMax?: number;
    readonly pendingBytesMax?: number;
    readonly flightsMax?: number;
    readonly itemsAmple?: number;
  } = {},
) {
  const batches: { readonly items: readonly number[]; readonly end: Deferred<void> }[] = [];
  const started = new Map<number, Deferred<void>>();
  const at = (index: number) => {
    const known = started.get(index) ?? deferred<void>();
    started.set(index, known);
    return known;
  };
  const batcher = createBatcher<number, string>({
    itemsMax: 100,
    pendingMax: 1_000,
    bytesOf: (item) => item,
    ...bounds,
    async run(items) {
      const end = deferred<void>();
      batches.push({ items, end });
      at(batches.length - 1).resolve();
      await end.promise;
      return items.map((item) => `done ${item}`);
    },
  });
  const batch = async (index: number) => {
    await at(index).promise;
    const found = batches[index];
    if (found === undefined) throw new Error(`no batch ${index}`);
    return found;
  };
  return { batcher, batch, batches };
}

test("batcher / what arrives in one turn of the event loop shares a batch", async () => {
  const { batcher, batch, batches } = held();
  const answers = [1, 2, 3].map((item) => batcher.add(item));
  (await batch(0)).end.resolve();
  assert.deepEqual(await Promise.all(answers), ["done 1", "done 2", "done 3"]);
  assert.deepEqual(
    batches.map(({ items }) => items),
    [[1, 2, 3]],
  );
});

test("batcher / items gather while a batch is in flight and go when it returns", async () => {
  const { batcher, batch, batches } = held();
  const first = batcher.add(1);
  const one = await batch(0);
  const rest = [2, 3].map((item) => batcher.add(item));
  assert.equal(batches.length, 1);
  assert.deepEqual(batcher.pending, { count: 2, bytes: 5 });
  one.end.resolve();
  assert.equal(await first, "done 1");
  (await batch(1)).end.resolve();
  assert.deepEqual(await Promise.all(rest), ["done 2", "done 3"]);
  assert.deepEqual(
    batches.map(({ items }) => items),
    [[1], [2, 3]],
  );
});

test("batcher / a batch is bounded in items and bytes, and one item always goes", async () => {
  const { batcher, batch, batches } = held({ itemsMax: 2, bytesMax: 10 });
  const all = [1, 2, 3, 50, 4, 7].map((item) => batcher.add(item));
  for (let index = 0; index < 4; index += 1) (await batch(index)).end.resolve();
  await Promise.all([...all, batch(4).then(({ end }) => end.resolve())]);
  assert.deepEqual(
    batches.map(({ items }) => items),
    [[1, 2], [3], [50], [4], [7]],
  );
});

test("batcher / a batch that throws rejects its own items and no others", async () => {
  const { batcher, batch } = held({ itemsMax: 1 });
  const [first, second] = [batcher.add(1), batcher.add(2)];
  (await batch(0)).end.reject(new Error("no disk"));
  await assert.rejects(first, /no disk/);
  (await batch(1)).end.resolve();
  assert.equal(await second, "done 2");
});

test("batcher / what would wait beyond the bound is refused with SERVER_BUSY", async () => {
  const busy = (error: ConveyorError) => error.code === "SERVER_BUSY" && error.details.retryAfterMs !== undefined;
  const byCount = held({ pendingMax: 2 });
  const taken = [1, 2].map((item) => byCount.batcher.add(item));
  await assert.rejects(byCount.batcher.add(3), busy);
  (await byCount.batch(0)).end.resolve();
  await Promise.all(taken);
  const byBytes = held({ pendingBytesMax: 10 });
  const large = byBytes.batcher.add(50);
  await assert.rejects(byBytes.batcher.add(1), busy);
  (await byBytes.batch(0)).end.resolve();
  await large;
});

test("batcher / idle resolves when nothing waits and nothing is in flight", async () => {
  const { batcher, batch } = held({ itemsMax: 1 });
  await batcher.idle();
  void batcher.add(1);
  void batcher.add(2);
  let idle = false;
  const resting = batcher.idle().then(() => {
    idle = true;
  });
  (await batch(0)).end.resolve();
  const second = await batch(1);
  assert.equal(idle, false);
  second.end.resolve();
  await resting;
});

test("batcher / a handler that never waits does not shut out the event loop", async () => {
  const batcher = createBatcher<number, number>({ itemsMax: 1, pendingMax: 1_000, run: async (items) => items });
  const order: string[] = [];
  const turned = new Promise<void>((resolve) =>
    setImmediate(() => {
      order.push("turn");
      resolve();
    }),
  );
  const last = Promise.all(Array.from({ length: 50 }, (_, item) => batcher.add(item))).then(() =>
    order.push("last item"),
  );
  await Promise.all([turned, last]);
  assert.deepEqual(order, ["turn", "last item"]);
});

test("batcher / with room for more in flight a second batch begins for ample items only, and little stays together", async () => {
  const { batcher, batch, batches } = held({ flightsMax: 2, itemsAmple: 3 });
  const answers = [batcher.add(1)];
  const first = await batch(0);
  answers.push(batcher.add(2), batcher.add(3));
  await turnOfEventLoop();
  assert.equal(batches.length, 1, "two wait for the first");
  answers.push(batcher.add(4));
  const second = await batch(1);
  assert.deepEqual(second.items, [2, 3, 4]);
  answers.push(...[5, 6, 7, 8].map((item) => batcher.add(item)));
  await turnOfEventLoop();
  assert.equal(batches.length, 2, "never three");
  second.end.resolve();
  const third = await batch(2);
  assert.deepEqual(third.items, [5, 6, 7, 8]);
  answers.push(batcher.add(9));
  third.end.resolve();
  await turnOfEventLoop();
  assert.equal(batches.length, 3, "one waits for what is in flight");
  first.end.resolve();
  const fourth = await batch(3);
  let idle = false;
  const resting = batcher.idle().then(() => {
    idle = true;
  });
  await turnOfEventLoop();
  assert.equal(idle, false);
  fourth.end.resolve();
  await resting;
  assert.deepEqual(
    await Promise.all(answers),
    [1, 2, 3, 4, 5, 6, 7, 8, 9].map((item) => `done ${item}`),
  );
});
