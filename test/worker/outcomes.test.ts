import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  AlbumSchema,
  type Chore,
  ChoreSchema,
  EmailSentSchema,
  MakeAlbumSchema,
  PublishAlbumSchema,
  SendEmailSchema,
} from "../../gen/shop/v1/shop_pb.ts";
import { createWorker, type JobContext, type JobInfo } from "../../src/index.ts";
import { failing, soon } from "../client/failing.ts";
import { openWorld, type World } from "../client/world.ts";

const fast = { backoff: { kind: "FIXED", initial: "1ms" } } as const;

/** Runs one chore with `handler` to its end. */
async function runChore(
  world: World,
  handler: (chore: Chore, context: JobContext) => unknown,
  options: { readonly maxAttempts?: number } = {},
): Promise<JobInfo> {
  const worker = world.worker().handle(ChoreSchema, handler);
  void worker.run();
  const handle = await world.client.enqueue(ChoreSchema, {}, { ...fast, maxAttempts: 1, ...options });
  const info = await handle.wait({ signal: soon() });
  await worker.stop();
  return info;
}

test("outcome / a throw is tried again, and the job is dead with every error once its attempts are used up (27)", async () => {
  await using world = await openWorld();
  const info = await runChore(
    world,
    (_, context) => {
      throw new RangeError(`attempt ${context.attempt} of ${context.maxAttempts} after ${context.failureCount}`);
    },
    { maxAttempts: 3 },
  );
  assert.deepEqual([info.state, info.reason, info.failureCount], ["DEAD", "ATTEMPTS_EXHAUSTED", 3]);
  assert.deepEqual(
    info.attempts.map((each) => [each.outcome, each.error?.name, each.error?.message]),
    [
      ["FAILED", "RangeError", "attempt 1 of 3 after 0"],
      ["FAILED", "RangeError", "attempt 2 of 3 after 1"],
      ["FAILED", "RangeError", "attempt 3 of 3 after 2"],
    ],
  );
  assert.match(info.attempts[0]?.error?.stack ?? "", /outcomes\.test\.ts/);
});

test("outcome / whatever is thrown is stored, cut to the limits, and is a failure (32)", async () => {
  await using world = await openWorld();
  const circular = new Error("circular");
  circular.cause = circular;
  const hostile = new Error("hostile");
  for (const key of ["name", "message", "stack", "cause"]) {
    Object.defineProperty(hostile, key, {
      get() {
        throw new Error("no look");
      },
    });
  }
  const untouchable = new Proxy(
    {},
    {
      get() {
        throw new Error("no touch");
      },
      getPrototypeOf() {
        throw new Error("no touch");
      },
      has() {
        throw new Error("no touch");
      },
    },
  );
  const object: Record<string, unknown> = { code: 7 };
  object.self = object;
  const cases: readonly [thrown: unknown, name: string, message: RegExp][] = [
    ["text", "NonErrorThrown", /^text$/],
    [undefined, "NonErrorThrown", /^undefined$/],
    [null, "NonErrorThrown", /^null$/],
    [7n, "NonErrorThrown", /^7n$/],
    [Symbol("s"), "NonErrorThrown", /^Symbol\(s\)$/],
    [object, "NonErrorThrown", /code: 7.*Circular/],
    [circular, "Error", /^circular$/],
    [hostile, "(cannot be read)", /^\(cannot be read\)/],
    [untouchable, "NonErrorThrown", /./],
    [new Error("outer", { cause: new TypeError("inner") }), "Error", /^outer <- inner$/],
    [new Error("é".repeat(1_000_000)), "Error", /^é{4096}$/],
    [Object.assign(new Error("odd"), { name: 5, message: { a: 1 } }), "5", /a: 1/],
    [Object.create(Error.prototype), "Error", /^$/],
  ];
  const worker = world.worker().handle(ChoreSchema, ({ script }) => {
    throw cases[Number(script)]?.[0];
  });
  void worker.run();
  for (const [index, [, name, message]] of cases.entries()) {
    const handle = await world.client.enqueue(ChoreSchema, { script: String(index) }, { maxAttempts: 1 });
    const info = await handle.wait({ signal: soon() });
    const error = info.attempts[0]?.error;
    assert.equal(info.state, "DEAD");
    assert.equal(error?.name, name, `case ${index}`);
    assert.match(error?.message ?? "", message);
    assert.ok(Buffer.byteLength(error?.stack ?? "") <= 32_768);
  }
});

test("outcome / discard is dead at once (28)", async () => {
  await using world = await openWorld();
  const info = await runChore(
    world,
    (_, context) => {
      throw context.discard("no such user");
    },
    { maxAttempts: 5 },
  );
  assert.deepEqual([info.state, info.reason, info.attempt], ["DEAD", "DISCARDED", 1]);
  assert.deepEqual([info.attempts[0]?.outcome, info.attempts[0]?.error?.message], ["DISCARDED", "no such user"]);
});

test("outcome / snooze runs again later and spends no failure (29)", async () => {
  await using world = await openWorld();
  const info = await runChore(world, (_, context) => {
    if (context.attempt < 3) throw context.snooze("5ms");
  });
  assert.deepEqual([info.state, info.snoozeCount, info.failureCount, info.attempt], ["COMPLETED", 2, 0, 3]);
});

test("outcome / an outcome may be returned as well as thrown", async () => {
  await using world = await openWorld();
  const info = await runChore(world, (_, context) => (context.attempt === 1 ? context.snooze(1) : undefined));
  assert.deepEqual([info.state, info.snoozeCount], ["COMPLETED", 1]);
});

test("outcome / retryAfter waits as asked, and falls back to the policy for a delay that is none (30)", async () => {
  await using world = await openWorld();
  const delays = ["60s", "nonsense", -1];
  const worker = world.worker().handle(ChoreSchema, ({ script }, context) => {
    throw context.retryAfter(delays[Number(script)] ?? 0, new Error("busy"));
  });
  void worker.run();
  const waits = await Promise.all(
    delays.map(async (_, index) => {
      const handle = await world.client.enqueue(
        ChoreSchema,
        { script: String(index) },
        { backoff: { kind: "FIXED", initial: "1h", max: "1h", jitter: 0 } },
      );
      for (;;) {
        const info = await handle.get();
        if (info.state === "RETRYING") return (info.runAt?.getTime() ?? 0) - (info.updatedAt?.getTime() ?? 0);
      }
    }),
  );
  assert.deepEqual(waits, [60_000, 3_600_000, 3_600_000]);
});

test("outcome / cancel ends the job as cancelled by request", async () => {
  await using world = await openWorld();
  const info = await runChore(world, (_, context) => {
    throw context.cancel("not wanted any more");
  });
  assert.deepEqual([info.state, info.reason], ["CANCELLED", "REQUESTED"]);
});

test("outcome / a payload that does not decode is a failure", async () => {
  await using world = await openWorld();
  let calls = 0;
  const worker = world.worker().handle(ChoreSchema, () => {
    calls += 1;
  });
  void worker.run();
  const garbage = { ...create(ChoreSchema), $unknown: [{ no: 1, wireType: 2, data: new Uint8Array([5, 1]) }] };
  const handle = await world.client.enqueue(ChoreSchema, garbage as never, { maxAttempts: 1 });
  const info = await handle.wait({ signal: soon() });
  assert.deepEqual([info.state, info.attempts[0]?.error?.name, calls], ["DEAD", "PAYLOAD_INVALID", 0]);
});

test("outcome / a result that does not fit its type is a failure that says why", async () => {
  await using world = await openWorld();
  const results: Readonly<Record<string, unknown>> = {
    missing: undefined,
    other: create(AlbumSchema, {}),
    field: { messageId: "1", bytes: 2 },
    kind: { size: "many" },
    primitive: 7,
    large: { messageId: "x".repeat(1_048_577) },
  };
  const worker = world
    .worker()
    .handle(SendEmailSchema, ({ to }) => results[to])
    .handle(ChoreSchema, () => create(AlbumSchema, {}));
  void worker.run();
  const errorOf = async (to: string) => {
    const handle = await world.client.enqueue(SendEmailSchema, { to }, { maxAttempts: 1 });
    const info = await handle.wait({ signal: soon() });
    assert.equal(info.state, "DEAD");
    return `${info.attempts[0]?.error?.name}: ${info.attempts[0]?.error?.message}`;
  };
  assert.match(await errorOf("missing"), /^RESULT_TYPE_MISMATCH: .*returned nothing.*shop\.v1\.EmailSent/);
  assert.match(await errorOf("other"), /^RESULT_TYPE_MISMATCH: .*shop\.v1\.EmailSent.*shop\.v1\.Album/);
  assert.match(await errorOf("field"), /^RESULT_TYPE_MISMATCH: .*"bytes".*messageId, size/);
  assert.match(await errorOf("kind"), /^RESULT_TYPE_MISMATCH: .*EmailSent/);
  assert.match(await errorOf("primitive"), /^RESULT_TYPE_MISMATCH: .*number/);
  assert.match(await errorOf("large"), /^PAYLOAD_TOO_LARGE: .*1048576/);
  const chore = await world.client.enqueue(ChoreSchema, {}, { maxAttempts: 1 });
  const info = await chore.wait({ signal: soon() });
  assert.match(info.attempts[0]?.error?.message ?? "", /declares no result.*shop\.v1\.Album/);
});

test("handle / what cannot be handled is refused where it is said", async () => {
  const worker = createWorker("127.0.0.1:1");
  assert.throws(() => worker.handle(AlbumSchema, () => undefined), failing("SCHEMA_INCOMPATIBLE", "shop.v1.Album"));
  assert.throws(
    () => worker.handle(SendEmailSchema, () => create(AlbumSchema), { result: AlbumSchema }),
    failing("RESULT_TYPE_MISMATCH", "shop.v1.EmailSent", "shop.v1.Album"),
  );
  assert.throws(() => worker.handle(ChoreSchema, () => undefined, { queue: "No" }), failing("INVALID_NAME", "queue"));
  assert.throws(() => worker.handle(ChoreSchema, "no function" as never), failing("INVALID_OPTION", "function"));
  worker.handle(SendEmailSchema, () => create(EmailSentSchema), { result: EmailSentSchema });
  assert.throws(() => worker.handle(SendEmailSchema, () => undefined), failing("INVALID_OPTION", "already"));
  assert.throws(() => createWorker("no port:x"), failing("INVALID_OPTION", "localhost:2668"));
  assert.throws(() => createWorker("127.0.0.1:1", { concurrency: 0 }), failing("INVALID_OPTION", "concurrency"));
  assert.throws(() => createWorker("127.0.0.1:1", { window: 1.5 }), failing("INVALID_OPTION", "window"));
  assert.throws(() => createWorker("127.0.0.1:1", { name: "ü" }), failing("INVALID_NAME", "name"));
  assert.throws(
    () => createWorker("127.0.0.1:1", { queues: { mail: { concurrency: -1 } } }),
    failing("INVALID_OPTION", "queues.mail"),
  );
  await assert.rejects(createWorker("127.0.0.1:1").run(), failing("INVALID_OPTION", "handle()"));
  const unknownQueue = createWorker("127.0.0.1:1", { queues: { nail: { concurrency: 1 } } });
  await assert.rejects(
    unknownQueue.handle(SendEmailSchema, () => undefined).run(),
    failing("INVALID_OPTION", "nail", "mail"),
  );
});

test("handle / another queue than the type's is subscribed to", async () => {
  await using world = await openWorld();
  const worker = world.worker().handle(PublishAlbumSchema, () => ({}), { queue: "press" });
  worker.handle(MakeAlbumSchema, (_, context) =>
    context.heir(PublishAlbumSchema, {}, { queue: "press", asResult: true }),
  );
  void worker.run();
  const handle = await world.client.enqueue(MakeAlbumSchema, {});
  assert.equal((await handle.wait({ signal: soon() })).state, "COMPLETED");
  assert.deepEqual((await world.client.queue("press")).counts, { COMPLETED: 1 });
});
