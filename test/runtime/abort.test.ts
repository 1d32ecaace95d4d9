import assert from "node:assert/strict";
import { test } from "node:test";
import { linkedAbort, sleep, unlessAborted, within } from "../../src/runtime/abort.ts";
import { deferred } from "../../src/runtime/deferred.ts";

const reason = new Error("enough");

test("abort / a sleep ends with the signal's reason, before and during it", async () => {
  await assert.rejects(sleep(600_000, AbortSignal.abort(reason)), reason);
  const controller = new AbortController();
  const sleeping = sleep(600_000, controller.signal);
  controller.abort(reason);
  await assert.rejects(sleeping, reason);
  await sleep(0);
  await sleep(-5, new AbortController().signal);
});

test("abort / a wait gives what it waits for unless the signal comes first", async () => {
  const signal = new AbortController().signal;
  assert.equal(await unlessAborted(Promise.resolve(1), signal), 1);
  assert.equal(await unlessAborted(Promise.resolve(2), undefined), 2);
  const late = deferred<number>();
  const controller = new AbortController();
  const waiting = unlessAborted(late.promise, controller.signal);
  controller.abort(reason);
  await assert.rejects(waiting, reason);
  late.reject(new Error("nobody hears this"));
});

test("abort / within tells an end in time from none", async () => {
  assert.equal(await within(Promise.resolve(), 600_000), true);
  assert.equal(await within(Promise.reject(reason), 600_000), true);
  assert.equal(await within(new Promise(() => undefined), 1), false);
});

test("abort / a linked controller follows every signal and lets go of them", () => {
  const [one, two] = [new AbortController(), new AbortController()];
  const linked = linkedAbort([one.signal, undefined, two.signal]);
  two.abort(reason);
  assert.equal(linked.controller.signal.reason, reason);
  const free = linkedAbort([one.signal]);
  free.release();
  one.abort(reason);
  assert.equal(free.controller.signal.aborted, false);
  assert.equal(linkedAbort([AbortSignal.abort(reason)]).controller.signal.reason, reason);
});
