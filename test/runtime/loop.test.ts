import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred } from "../../src/runtime/deferred.ts";
import { silentLogger } from "../../src/runtime/logger.ts";
import { createLoop, type Loop } from "../../src/runtime/loop.ts";

const never = 600_000;

/** A loop that says when each step begins. */
function counted(step: (n: number) => Promise<number | undefined> = async () => undefined) {
  let steps = 0;
  const begun = new Map<number, ReturnType<typeof deferred<void>>>();
  const at = (n: number) => {
    const known = begun.get(n) ?? deferred<void>();
    begun.set(n, known);
    return known;
  };
  const loop: Loop = createLoop({
    name: "test",
    intervalMs: never,
    logger: silentLogger,
    async run() {
      steps += 1;
      at(steps).resolve();
      return step(steps);
    },
  });
  return { loop, step: (n: number) => at(n).promise, steps: () => steps };
}

test("loop / runs at once, then sleeps until it is woken", async () => {
  const { loop, step, steps } = counted();
  await loop.start();
  await step(1);
  loop.wake();
  await step(2);
  await loop.stop();
  assert.equal(steps(), 2);
});

test("loop / a wake during a step runs another one after it, never beside it", async () => {
  const first = deferred<undefined>();
  let inside = 0;
  const { loop, step, steps } = counted(async (n) => {
    inside += 1;
    assert.equal(inside, 1);
    if (n === 1) await first.promise;
    inside -= 1;
    return undefined;
  });
  await loop.start();
  await step(1);
  loop.wake();
  loop.wake();
  assert.equal(steps(), 1);
  first.resolve(undefined);
  await step(2);
  await loop.stop();
  assert.equal(steps(), 2);
});

test("loop / the answer of a step and wakeIn say when the next one is due, the earlier counts", async () => {
  const { loop, step } = counted(async (n) => (n === 1 ? 20 : undefined));
  await loop.start();
  await step(2);
  loop.wakeIn(never);
  loop.wakeIn(20);
  loop.wakeIn(never);
  await step(3);
  await loop.stop();
});

test("loop / a step that throws is tried again later, whatever wakes it meanwhile", async () => {
  const { loop, step, steps } = counted(async (n) => {
    if (n === 1) throw new Error("once");
    return undefined;
  });
  await loop.start();
  await step(1);
  loop.wake();
  await new Promise<void>((resolve) => setImmediate(resolve));
  assert.equal(steps(), 1);
  await step(2);
  await loop.stop();
});

test("loop / stop ends a sleep at once and waits for a step", async () => {
  const end = deferred<undefined>();
  const { loop, step } = counted(() => end.promise);
  await loop.start();
  await step(1);
  let stopped = false;
  const stopping = loop.stop().then(() => {
    stopped = true;
  });
  await new Promise<void>((resolve) => setImmediate(resolve));
  assert.equal(stopped, false);
  end.resolve(undefined);
  await stopping;
});

test("loop / stop before start and twice is harmless, and nothing runs after it", async () => {
  const { loop, steps } = counted();
  await loop.stop();
  await loop.stop();
  await loop.start();
  await loop.stop();
  assert.equal(steps(), 0);
});
