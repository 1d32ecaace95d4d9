import assert from "node:assert/strict";
import { test } from "node:test";
import { skipProblems } from "../../tools/allowed-skips.ts";

test("npm test / a skip passes only for what a kind of store cannot do", () => {
  assert.deepEqual(
    skipProblems([
      { name: "a", reason: "several brokers on SQLite: one broker at a time has the file" },
      { name: "b", reason: "no server here" },
      { name: "c", reason: "no reason given" },
    ]),
    ["skipped without leave: b (no server here)", "skipped without leave: c (no reason given)"],
  );
});
