import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred, turnOfEventLoop } from "../../src/runtime/deferred.ts";
import { createTurns } from "../../src/runtime/turns.ts";

test("turns / no more than so many are under way at a time, in the order of the calls, also after one that failed", async () => {
  const turns = createTurns(2);
  const begun: number[] = [];
  const ends = [0, 1, 2, 3].map(() => deferred<number>());
  const all = ends.map((end, index) =>
    turns(() => {
      begun.push(index);
      return end.promise;
    }),
  );
  for (const each of all) each.catch(() => undefined);
  await turnOfEventLoop();
  assert.deepEqual(begun, [0, 1]);
  ends[1]?.reject(new Error("failed"));
  await turnOfEventLoop();
  assert.deepEqual(begun, [0, 1, 2]);
  for (const [index, end] of ends.entries()) end.resolve(index);
  assert.deepEqual(
    (await Promise.allSettled(all)).map((each) => each.status),
    ["fulfilled", "rejected", "fulfilled", "fulfilled"],
  );
  assert.deepEqual(begun, [0, 1, 2, 3]);
});
