import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, before, test } from "node:test";
import { createBroker } from "../../src/broker/index.ts";
import { exitCodeOf } from "../../src/cli/exit-code.ts";
import { ConveyorError, type ErrorCode } from "../../src/core/errors.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { openStore } from "../../src/embedded/open-store.ts";
import { conveyor } from "./conveyor.ts";
import { startWorld, type World } from "./world.ts";

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world[Symbol.asyncDispose]());

test("exit status / 0 for what was done", async () => {
  assert.equal((await world.conveyor(["job", "list"])).code, 0);
});

test("exit status / 3 for a job or queue that is not there", async () => {
  for (const args of [
    ["job", "show", "nope"],
    ["job", "wait", "nope"],
    ["chain", "show", "nope"],
    ["queue", "show", "nope"],
  ]) {
    const { code, stdout, stderr } = await world.conveyor(args);
    assert.deepEqual([code, stdout], [3, ""], args.join(" "));
    assert.match(stderr, /^conveyor: (JOB|QUEUE)_NOT_FOUND: .*nope/);
  }
});

test("exit status / 4 where no broker answers, with the address and what to do", async () => {
  for (const args of [
    ["job", "list"],
    ["enqueue", "a.B", "-f", "x=1"],
    ["enqueue", "a.B"],
    ["chain", "show", "x", "--watch"],
  ]) {
    const { code, stderr } = await conveyor([...args, "--address", "127.0.0.1:1"]);
    assert.equal(code, 4, stderr);
    assert.match(
      stderr,
      /^conveyor: BROKER_UNREACHABLE: no broker answers at 127\.0\.0\.1:1; start one with "conveyor serve"/,
    );
  }
});

test("exit status / 5 for what the caller may not do", async () => {
  await using store = Object.assign(await openStore(":memory:", { defaults: serverDefaults }), {
    [Symbol.asyncDispose]: async () => undefined,
  });
  const broker = createBroker({ store, listen: "127.0.0.1:0", authorize: () => false });
  await broker.start();
  try {
    const { code, stderr } = await conveyor(["job", "list", "--address", broker.address]);
    assert.equal(code, 5, stderr);
    assert.match(stderr, /^conveyor: ROLE_MISSING: /);
  } finally {
    await broker.stop();
  }
});

test("exit status / 6 when the broker does not answer in time", async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const address = silent.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  try {
    const { code, stderr } = await conveyor([
      "job",
      "list",
      "--address",
      `127.0.0.1:${address.port}`,
      "--timeout",
      "200ms",
    ]);
    assert.equal(code, 6, stderr);
    assert.match(stderr, /^conveyor: TIMED_OUT: /);
  } finally {
    silent.close();
  }
});

test("exit status / the address comes from --address, else CONVEYOR_ADDRESS", async () => {
  const env = { CONVEYOR_ADDRESS: "127.0.0.1:1" };
  assert.equal((await conveyor(["job", "list"], { env })).code, 4);
  assert.equal((await conveyor(["job", "list", "--address", world.broker.address], { env })).code, 0);
  assert.equal((await conveyor(["--address", world.broker.address, "-o", "json", "job", "list"], { env })).code, 0);
});

test("exit status / every error code has one", () => {
  const expected: Partial<Record<ErrorCode, number>> = {
    JOB_FAILED: 1,
    PAYLOAD_INVALID: 2,
    JOB_ID_EXISTS: 2,
    PAYLOAD_TOO_LARGE: 2,
    QUEUE_NOT_FOUND: 3,
    SERVER_BUSY: 4,
    DRAINING: 4,
    STORE_UNAVAILABLE: 4,
    CREDENTIALS_EXPIRED: 5,
    TIMED_OUT: 6,
    STORE_CORRUPT: 7,
    ADDRESS_UNSAFE: 7,
    NODE_TOO_OLD: 7,
    INTERNAL: 7,
  };
  for (const [code, status] of Object.entries(expected)) {
    assert.equal(exitCodeOf(new ConveyorError(code as ErrorCode, "")), status, code);
  }
});
