import assert from "node:assert/strict";
import { test } from "node:test";
import { type Service, together } from "../../src/runtime/service.ts";

test("service / many start in order, stop in reverse, and a failed start stops what had started", async () => {
  const log: string[] = [];
  const service = (name: string, start = async () => undefined): Service => ({
    async start() {
      await start();
      log.push(`start ${name}`);
    },
    async stop() {
      log.push(`stop ${name}`);
    },
  });
  const both = together([service("a"), service("b")]);
  await both.start();
  await both.stop();
  assert.deepEqual(log, ["start a", "start b", "stop b", "stop a"]);
  log.length = 0;
  const broken = together([service("a"), service("b", () => Promise.reject(new Error("no")))]);
  await assert.rejects(broken.start(), /no/);
  assert.deepEqual(log, ["start a", "stop b", "stop a"]);
});
