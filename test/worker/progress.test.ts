import assert from "node:assert/strict";
import { test } from "node:test";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import type { JobContext } from "../../src/index.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { progressOf } from "../../src/worker/job-progress.ts";
import { createProgressPost } from "../../src/worker/progress-post.ts";
import { failing, soon } from "../client/failing.ts";
import { openWorld, type World } from "../client/world.ts";

async function attempt(world: World, run: (context: JobContext) => unknown) {
  const worker = world.worker().handle(ChoreSchema, async (_, context) => void (await run(context)));
  void worker.run();
  const handle = await world.client.enqueue(ChoreSchema, {}, { maxAttempts: 1 });
  return handle.wait({ signal: soon() });
}

test("progress / what a handler said last is there when its job is over", async () => {
  await using world = await openWorld();
  const { state, progress } = await attempt(world, (context) => {
    for (let step = 0; step < 1_000; step += 1) context.progress(step / 1_000);
    context.progress({ fraction: 1, message: "done", details: { files: 3 } });
  });
  assert.equal(state, "COMPLETED");
  assert.deepEqual(
    [progress?.fraction, progress?.message, progress?.details, progress?.attempt],
    [1, "done", { files: 3 }, 1],
  );
});

test("progress / is there while the handler runs, and stays when it fails", async () => {
  await using world = await openWorld();
  const seen: unknown[] = [];
  const { state, progress } = await attempt(world, async (context) => {
    context.progress({ message: "half way" });
    while (seen.at(-1) !== "half way") {
      seen.push((await world.client.get(context.id)).progress?.message);
    }
    throw new Error("no further");
  });
  assert.deepEqual([state, progress?.message, progress?.fraction], ["DEAD", "half way", undefined]);
});

test("progress / that cannot be is an error where it is told, and after the end it is nothing", async () => {
  await using world = await openWorld();
  let late: JobContext | undefined;
  const { state } = await attempt(world, (context) => {
    late = context;
    assert.throws(() => context.progress(1.1), failing("INVALID_OPTION", "fraction", "1.1"));
    assert.throws(() => context.progress(Number.NaN), failing("INVALID_OPTION", "fraction"));
    assert.throws(() => context.progress({ message: 1 as never }), failing("INVALID_OPTION", "message"));
    assert.throws(() => context.progress({ details: { n: 1n as never } }), failing("INVALID_OPTION", "details"));
    assert.throws(() => context.progress({ details: [] as never }), failing("INVALID_OPTION", "details"));
    assert.throws(() => context.progress({ message: "x".repeat(16_400) }), failing("PAYLOAD_TOO_LARGE", "16384"));
  });
  assert.equal(state, "COMPLETED");
  late?.progress(0.5);
});

test("progress / of one lease goes at most once a second, the newest, and at its end at once", () => {
  let now = 0;
  let ready = 0;
  const timers = new Map<() => void, number>();
  const clock: Clock = {
    now: () => now,
    elapsed: () => now,
    after(ms, run) {
      timers.set(run, now + ms);
      return () => timers.delete(run);
    },
  };
  const onReady = () => {
    ready += 1;
  };
  const post = createProgressPost({ clock, onReady });
  const say = (fraction: number) => {
    const { progress, bytes } = progressOf(fraction);
    post.tell("lease", progress, bytes);
  };
  const pass = (ms: number) => {
    now += ms;
    for (const [run, at] of [...timers]) if (at <= now && timers.delete(run)) run();
  };
  const taken = () => post.take().map(({ progress }) => progress?.fraction);
  say(0.1);
  assert.deepEqual([ready, taken()], [1, [0.1]]);
  say(0.2);
  say(0.3);
  pass(999);
  assert.deepEqual([ready, taken()], [1, []]);
  pass(1);
  assert.deepEqual([ready, taken()], [2, [0.3]]);
  say(0.4);
  post.ended("lease");
  assert.deepEqual([ready, taken(), taken()], [3, [0.4], []]);
  post.clear();
});
