import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { testArguments } from "../../tools/test-arguments.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

test("npm test / without arguments runs every test", () => {
  assert.deepEqual(testArguments([], root), { flags: [], patterns: ["test/**/*.test.ts"] });
});

test("npm test / a folder stands for the tests below it, a file for itself", () => {
  const { patterns } = testArguments(["test/tools/", "test/layers.test.ts"], root);
  assert.deepEqual(patterns, ["test/tools/**/*.test.ts", "test/layers.test.ts"]);
});

test("npm test / a flag keeps its value, which is no path", () => {
  const { flags, patterns } = testArguments(["--test-name-pattern", "claims", "--test-only", "test/tools"], root);
  assert.deepEqual(flags, ["--test-name-pattern", "claims", "--test-only"]);
  assert.deepEqual(patterns, ["test/tools/**/*.test.ts"]);
});
