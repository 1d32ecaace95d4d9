import assert from "node:assert/strict";
import { test } from "node:test";
import { createLookSchedule } from "../../src/broker/look-schedule.ts";

/** A schedule on a clock that the test moves. */
function scene() {
  const clock = { at: 0, now: () => 0, elapsed: () => clock.at, after: () => () => undefined };
  const told: number[] = [];
  const schedule = createLookSchedule<string>({ clock, lookMs: 50, onDueIn: (ms) => told.push(ms) });
  return { clock, schedule, told };
}

test("look schedule / a key is due after the shortest pause, then after twice as long, up to twenty times", () => {
  const { clock, schedule, told } = scene();
  schedule.soon("a");
  assert.deepEqual([told, schedule.due(), schedule.nextInMs()], [[50], [], 50]);
  const pauses: number[] = [];
  for (let rounds = 0; rounds < 7; rounds += 1) {
    const next = schedule.nextInMs() ?? 0;
    clock.at += next;
    assert.deepEqual(schedule.due(), ["a"]);
    pauses.push(next);
  }
  assert.deepEqual(pauses, [50, 100, 200, 400, 800, 1_000, 1_000]);
  schedule.remove("a");
  assert.equal(schedule.nextInMs(), undefined);
});

test("look schedule / a hint makes a key due at once, and its pauses short again; of unknown keys nothing is known", () => {
  const { clock, schedule, told } = scene();
  schedule.soon("a");
  for (clock.at = 50; clock.at < 1_000; clock.at += 50) schedule.due();
  schedule.now("a");
  schedule.now("b");
  assert.equal(told.at(-1), 0);
  assert.deepEqual([schedule.due(), schedule.nextInMs()], [["a"], 100]);
});

test("look schedule / keys that are nearly due come along", () => {
  const { clock, schedule } = scene();
  schedule.soon("a");
  clock.at = 20;
  schedule.soon("b");
  clock.at = 50;
  assert.deepEqual(schedule.due(), ["a", "b"]);
});

test("look schedule / a key that rests is not due before, whatever hints come", () => {
  const { clock, schedule } = scene();
  schedule.soon("a");
  schedule.soon("b");
  clock.at = 50;
  schedule.due();
  schedule.rest("a", 500);
  schedule.allNow();
  assert.deepEqual(schedule.due(), ["b"]);
  clock.at = 550;
  assert.deepEqual(schedule.due().includes("a"), true);
});
