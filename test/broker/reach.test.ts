import assert from "node:assert/strict";
import { test } from "node:test";
import { createReach } from "../../src/broker/reach.ts";
import { ConveyorError, type ErrorCode } from "../../src/core/errors.ts";

/** A reach over a clock that the test moves: the store is looked at once in a second, and may be away for ten. */
function scene() {
  const time = { elapsed: 500_000, wall: 1_750_000_000_000 };
  const turns: string[] = [];
  const reach = createReach({
    clock: { elapsed: () => time.elapsed },
    gapMs: 10_000,
    calmMs: 10_000,
    onChange: (ok, error) => turns.push(ok ? "ok" : (error as ConveyorError).code),
  });
  const pass = (ms: number) => {
    time.elapsed += ms;
    time.wall += ms;
  };
  const write = (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      pass(1_000);
      reach.told(time.wall);
      reach.wrote();
    }
  };
  const fail = (code: ErrorCode, verb: "read" | "write" = "write") =>
    reach.failed(new ConveyorError(code, "taken away by a test"), verb);
  return { reach, time, turns, pass, write, fail };
}

test("reach / it is steady from the first write on, and anew after a gap", () => {
  const { reach, write, pass } = scene();
  assert.equal(reach.steadyMs(), 0);
  write(31);
  assert.equal(reach.steadyMs(), 30_000);
  pass(10_001);
  assert.equal(reach.steadyMs(), 0);
  write(6);
  assert.equal(reach.steadyMs(), 5_000);
});

for (const code of ["STORE_UNAVAILABLE", "STORE_FULL", "STORE_READ_ONLY"] as const) {
  test(`reach / a write that fails with ${code} begins the steady time anew, whatever else works`, () => {
    const { reach, write, fail } = scene();
    write(100);
    for (let beat = 0; beat < 10; beat += 1) {
      write(4);
      fail(code);
      assert.equal(reach.steadyMs(), 0);
    }
    write(29);
    assert.equal(reach.steadyMs(), 29_000);
  });

  test(`reach / while writes fail with ${code} now and then it stays away, told once, and is back after a calm time`, () => {
    const { reach, turns, write, fail } = scene();
    write(10);
    for (let beat = 0; beat < 10; beat += 1) {
      fail(code);
      write(5);
      assert.equal(reach.ok, false);
    }
    write(4);
    assert.equal(reach.ok, false);
    write(1);
    assert.equal(reach.ok, true);
    assert.deepEqual(turns, [code, "ok"]);
  });
}

test("reach / a read that fails is told, and keeps no session from being ended", () => {
  const { reach, turns, write, fail } = scene();
  write(40);
  fail("STORE_CORRUPT", "read");
  assert.equal(reach.ok, false);
  assert.equal(reach.steadyMs(), 39_000);
  write(10);
  assert.deepEqual(turns, ["STORE_CORRUPT", "ok"]);
});

test("reach / what one item is refused for is no outage", () => {
  const { reach, turns, write, fail } = scene();
  write(40);
  fail("JOB_ID_EXISTS");
  reach.failed(new TypeError("cannot read what it is"), "write");
  assert.equal(reach.steadyMs(), 39_000);
  assert.deepEqual(turns, []);
});

test("reach / a store's clock that leaps ahead begins the steady time anew, before anything is asked of the store", () => {
  const { reach, time, turns, write } = scene();
  write(100);
  time.wall += 60_000;
  reach.told(time.wall);
  assert.equal(reach.steadyMs(), 0);
  write(30);
  assert.equal(reach.steadyMs(), 30_000);
  assert.deepEqual(turns, []);
});

test("reach / small steps of the store's clock count together, a step back does not count", () => {
  const { reach, time, write } = scene();
  write(100);
  time.wall -= 3_600_000;
  reach.told(time.wall);
  assert.equal(reach.steadyMs(), 99_000);
  for (let step = 0; step < 2; step += 1) {
    time.wall += 6_000;
    write(1);
  }
  assert.equal(reach.steadyMs(), 0);
});
