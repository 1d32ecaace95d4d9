import assert from "node:assert/strict";
import { test } from "node:test";
import { ConveyorError } from "../../src/core/errors.ts";
import { createLogger } from "../../src/runtime/logger.ts";

function lines(level: "debug" | "warn" | "silent") {
  const written: string[] = [];
  const logger = createLogger({ level, write: (line) => void written.push(line), now: () => 0 });
  return { written, logger };
}

test("logger / writes one line an event, whatever is in its fields", () => {
  const { written, logger } = lines("debug");
  logger.info("session left", { sessionId: "s-1", why: "two\nlines", held: 3, nothing: undefined });
  assert.deepEqual(written, ['1970-01-01T00:00:00.000Z INFO  session left sessionId=s-1 why="two\\nlines" held=3\n']);
});

test("logger / leaves out what is below its level", () => {
  const { written, logger } = lines("warn");
  logger.debug("a");
  logger.info("b");
  logger.warn("c");
  logger.error("d");
  assert.equal(written.length, 2);
  const silent = lines("silent");
  silent.logger.error("e");
  assert.equal(silent.written.length, 0);
});

test("logger / an expected error is its code and text with its causes, a bug its stack, cut to a bound", () => {
  const { written, logger } = lines("debug");
  const cause = new ConveyorError("STORE_UNAVAILABLE", "disk gone");
  logger.error("failed", { error: new ConveyorError("DRAINING", "stops", { cause }) });
  assert.match(written[0] ?? "", /error="DRAINING: stops <- STORE_UNAVAILABLE: disk gone"/);
  logger.error("broke", { error: new TypeError("x".repeat(10_000)) });
  assert.equal((written[1] ?? "").length < 2_200, true);
});
