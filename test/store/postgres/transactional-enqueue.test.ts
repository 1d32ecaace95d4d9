import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import pg from "pg";
import { ChoreSchema, SendEmailSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { serverDefaults } from "../../../src/core/job.ts";
import type { QueueName } from "../../../src/core/names.ts";
import { type ConveyorError, group, job } from "../../../src/index.ts";
import { deferred } from "../../../src/runtime/deferred.ts";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import { soon } from "../../client/failing.ts";
import { openWorld, type World } from "../../client/world.ts";
import { jobId } from "../jobs.ts";
import { asUser, type SchemaWorld, withSchema } from "./world.ts";

/** A broker on a schema of its own, and an application's connection whose role may enqueue there and nothing else. */
interface Shop extends SchemaWorld {
  readonly world: World;
  readonly client: ReturnType<World["connect"]>;
  readonly app: pg.Client;
}

async function withShop(work: (shop: Shop) => Promise<void>, pollMs = 100): Promise<void> {
  await withSchema(async (place) => {
    const role = `${place.schema}_app`;
    await using world = await openWorld({
      openStore: () => openPostgresStore(place.url, { defaults: serverDefaults }),
      intervals: { pollMs },
    });
    await place.sql(`CREATE ROLE ${role} LOGIN`);
    await place.sql(`GRANT USAGE ON SCHEMA {schema} TO ${role}`);
    await place.sql(
      `GRANT EXECUTE ON FUNCTION {schema}.enqueue(text, bytea, jsonb), {schema}.enqueue_batch(jsonb, bytea[]) TO ${role}`,
    );
    const app = new pg.Client({ connectionString: asUser(place.url, role) });
    await app.connect();
    try {
      await work({ ...place, world, client: world.connect({ storeSchema: place.schema }), app });
    } finally {
      await app.end();
      await place.sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });
}

const notFound = { code: "JOB_NOT_FOUND" };

test("transactional enqueue / a job is not there before the commit, then it is picked up within one poll, and the counters are right", () =>
  withShop(async ({ world, client, app }) => {
    const ran = deferred<string>();
    void world
      .worker()
      .handle(ChoreSchema, ({ script }) => ran.resolve(script))
      .run();
    await app.query("BEGIN");
    const handle = await client.enqueue(ChoreSchema, { script: "hi" }, { tx: app, queue: "later", maxAttempts: 3 });
    await assert.rejects(handle.get(), notFound);
    assert.equal(await world.store.getQueue("later" as QueueName), undefined);
    await app.query("COMMIT");
    const found = await handle.get();
    assert.equal((await world.store.dump()).jobs[0]?.principal, `postgres:${app.user}`);
    assert.equal(found.maxAttempts, 3);
    const counts = async () => (await world.store.getQueue("later" as QueueName))?.lanes[0]?.counts;
    assert.deepEqual(await counts(), { READY: 1 });
    const chore = await client.enqueue(ChoreSchema, { script: "now" }, { tx: app });
    assert.equal(await ran.promise, "now");
    await chore.wait({ signal: soon() });
    assert.deepEqual((await world.store.getQueue(found.queue as QueueName))?.lanes, [
      { type: ChoreSchema.typeName, counts: { READY: 1 } },
    ]);
  }));

test("transactional enqueue / a rollback leaves nothing, and wakes nobody (5)", () =>
  withShop(async ({ world, client, app, url, schema }) => {
    const listener = new pg.Client({ connectionString: url });
    await listener.connect();
    const heard: (string | undefined)[] = [];
    listener.on("notification", ({ payload }) => heard.push(payload));
    await listener.query(`LISTEN "conveyor:${schema}"`);
    await app.query("BEGIN");
    const gone = await client.enqueue(SendEmailSchema, { to: "a@b.c" }, { tx: app, notify: true });
    await app.query("ROLLBACK");
    await assert.rejects(gone.get(), notFound);
    await app.query("BEGIN");
    await app.query("SAVEPOINT s");
    await client.enqueue(SendEmailSchema, { to: "a@b.c" }, { tx: app, notify: true });
    await app.query("ROLLBACK TO s");
    await app.query("COMMIT");
    assert.deepEqual((await world.store.dump()).jobs, []);
    assert.deepEqual((await world.store.dump()).queues, []);
    const told = once(listener, "notification");
    await client.enqueue(SendEmailSchema, { to: "a@b.c" }, { tx: app, notify: true });
    await told;
    assert.deepEqual(
      heard.map((each) => JSON.parse(each ?? "")),
      [{ r: { mail: [SendEmailSchema.typeName] } }],
    );
    await listener.end();
  }));

test("transactional enqueue / notify wakes the brokers at the commit, however long they would wait for their next look", () =>
  withShop(async ({ world, client, app, sql }) => {
    const ran = deferred<void>();
    void world
      .worker()
      .handle(ChoreSchema, ({ script }) => {
        if (script === "second") ran.resolve();
      })
      .run();
    await (await client.enqueue(ChoreSchema, { script: "first" })).wait({ signal: soon() });
    const listening =
      "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query <> '' AND application_name = 'conveyor news {schema}'";
    while ((await sql(listening))[0]?.n !== 1);
    const startedAt = performance.now();
    await client.enqueue(ChoreSchema, { script: "second" }, { tx: app, notify: true });
    await ran.promise;
    assert.ok(performance.now() - startedAt < 10_000);
  }, 60_000));

test("transactional enqueue / a transaction that stays open keeps no broker from its work", () =>
  withShop(async ({ world, client, app }) => {
    void world
      .worker()
      .handle(ChoreSchema, () => undefined)
      .run();
    await (await client.enqueue(ChoreSchema, { script: "known lane" })).wait({ signal: soon() });
    await app.query("BEGIN");
    const open = await client.enqueue(ChoreSchema, { script: "open" }, { tx: app });
    const handles = await Promise.all(Array.from({ length: 20 }, () => client.enqueue(ChoreSchema, { script: "x" })));
    await Promise.all(handles.map((handle) => handle.wait({ signal: soon() })));
    await app.query("COMMIT");
    await open.wait({ signal: soon() });
    assert.deepEqual((await world.store.getQueue("default" as QueueName))?.lanes[0]?.counts, { COMPLETED: 22 });
  }));

test("transactional enqueue / an open transaction keeps no broker from the queue, type and principal that it was the first to name", () =>
  withShop(async ({ world, client, app, sql, schema }) => {
    const into = { queue: "fresh" } as const;
    await app.query("BEGIN");
    const open = await client.enqueue(ChoreSchema, { script: "open" }, { ...into, tx: app });
    const startedAt = performance.now();
    const other = await client.enqueue(ChoreSchema, { script: "x" }, into);
    assert.equal((await client.enqueueBatch([job(ChoreSchema, {}, into)]))[0]?.kind, "accepted");
    // Another of the same role, for whom the principal is new as well.
    await sql(`SET SESSION AUTHORIZATION ${app.user}`);
    await sql(`SELECT {schema}.enqueue('${ChoreSchema.typeName}', '', '{"queue": "fresh"}')`);
    await sql("RESET SESSION AUTHORIZATION");
    assert.ok(performance.now() - startedAt < 5_000, "it waited for the application");
    await app.query("COMMIT");
    assert.deepEqual(
      await sql("SELECT count(*)::int AS rows FROM {schema}.lane WHERE queue = 'fresh'"),
      [{ rows: 2 }],
      schema,
    );
    assert.deepEqual((await world.store.getQueue("fresh" as QueueName))?.lanes, [
      { type: ChoreSchema.typeName, counts: { READY: 4 } },
    ]);
    void world
      .worker()
      .handle(ChoreSchema, () => undefined, into)
      .run();
    await open.wait({ signal: soon() });
    await other.wait({ signal: soon() });
  }));

test("transactional enqueue / a queue is there from the commit of its first job on, and may have settings then", () =>
  withShop(async ({ world, client, app }) => {
    const name = "fresh" as QueueName;
    await client.enqueue(ChoreSchema, {}, { queue: name, tx: app });
    assert.deepEqual((await world.store.getQueue(name))?.lanes[0]?.counts, { READY: 1 });
    await world.store.updateQueue(name, { paused: true });
    assert.equal((await world.store.getQueue(name))?.settings.paused, true);
    await world.store.promote({ max: 10 });
    const { queues } = await world.store.dump();
    assert.deepEqual([queues.length, queues[0]?.settings.paused], [1, true]);
  }, 60_000));

test("transactional enqueue / news of more lanes than fit into a notification are cut, and no transaction fails", () =>
  withShop(async ({ app, schema, world }) => {
    const jobs = Array.from({ length: 1_000 }, (_, index) => ({ type: "T", queue: `a${index}`, notify: true }));
    await app.query(`SELECT * FROM ${schema}.enqueue_batch($1, $2)`, [JSON.stringify(jobs), jobs.map(() => "")]);
    assert.equal((await world.store.dump()).jobs.length, 1_000);
  }));

test("transactional enqueue / a batch goes in together, and repeats are told", () =>
  withShop(async ({ client, app, world }) => {
    const drafts = Array.from({ length: 1_200 }, (_, index) => job(ChoreSchema, { script: "x" }, { id: `b${index}` }));
    await app.query("BEGIN");
    const entries = await client.enqueueBatch(drafts, { tx: app });
    await app.query("COMMIT");
    assert.deepEqual(
      entries.map((entry) => entry.kind === "accepted" && [entry.job.id, entry.job.deduplicated]),
      drafts.map(({ options }) => [options.id, false]),
    );
    const again = await client.enqueueBatch(drafts.slice(0, 2), { tx: app });
    assert.deepEqual(
      again.map((entry) => entry.kind === "accepted" && entry.job.deduplicated),
      [true, true],
    );
    const byRequest = { requestId: "r-1", tx: app };
    const first = await client.enqueue(ChoreSchema, { script: "r" }, byRequest);
    const second = await client.enqueue(ChoreSchema, { script: "r" }, byRequest);
    assert.deepEqual([second.id, first.deduplicated, second.deduplicated], [first.id, false, true]);
    await assert.rejects(client.enqueue(ChoreSchema, { script: "s" }, byRequest), { code: "REQUEST_ID_REUSED" });
    await assert.rejects(client.enqueue(ChoreSchema, { script: "s" }, { id: "b0", tx: app }), {
      code: "JOB_ID_EXISTS",
    });
    await assert.rejects(client.enqueueBatch([{ job: group() }], { tx: app }), { code: "TREE_INVALID" });
    assert.equal((await world.store.dump()).jobs.length, 1_201);
  }));

test("transactional enqueue / a removed job is remembered for a day: repeats are told, other content is refused", () =>
  withShop(async ({ client, app, world }) => {
    const asked = { id: "gone", requestId: "asked", tx: app };
    await client.enqueue(ChoreSchema, { script: "x" }, asked);
    const gone = jobId(asked.id);
    await world.store.cancel([{ id: gone, includeHeirs: false }]);
    assert.deepEqual(await world.store.remove([gone], { max: 10 }), [{ kind: "removed", count: 1, more: false }]);
    const again = await client.enqueue(ChoreSchema, { script: "x" }, { requestId: "asked", tx: app });
    assert.deepEqual([again.id, again.deduplicated], ["gone", true]);
    await assert.rejects(client.enqueue(ChoreSchema, { script: "y" }, asked), { code: "JOB_ID_EXISTS" });
    await assert.rejects(client.enqueue(ChoreSchema, { script: "y" }, { requestId: "asked", tx: app }), {
      code: "REQUEST_ID_REUSED",
    });
    assert.deepEqual((await world.store.dump()).jobs, []);
  }));

test("transactional enqueue / a job is the same whichever way it came", () =>
  withShop(async ({ client, app, world }) => {
    const options = {
      queue: "q",
      priority: -3,
      runAt: new Date("2035-01-01T00:00:00.123Z"),
      maxAttempts: 7,
      timeout: "1m30s",
      backoff: { kind: "LINEAR", initial: "250ms", max: "5m", multiplier: 1.5, jitter: 0.25 },
      metadata: { trace: "1", "a b": "é" },
    } as const;
    await client.enqueue(SendEmailSchema, { to: "a@b.c" }, { ...options, id: "wire" });
    await client.enqueue(SendEmailSchema, { to: "a@b.c" }, { ...options, id: "sql", tx: app });
    await client.enqueue(SendEmailSchema, { to: "a@b.c" }, { delay: "1h", id: "wire-typed" });
    await client.enqueue(SendEmailSchema, { to: "a@b.c" }, { delay: "1h", id: "sql-typed", tx: app });
    const { jobs } = await world.store.dump();
    const comparable = (id: string) => {
      const found = jobs.find((each) => each.id === id);
      assert.ok(found, id);
      const { createdAt, updatedAt, runAt, principal, rootId, schemaId, ...same } = found;
      const waitMs = runAt - createdAt;
      return { ...same, id: "", waitMs: id.endsWith("typed") ? waitMs : runAt };
    };
    assert.deepEqual(comparable("sql"), comparable("wire"));
    assert.deepEqual(comparable("sql-typed"), comparable("wire-typed"));
  }));

test("transactional enqueue / what a broker would refuse is refused alike, in SQL and in the client", () =>
  withShop(async ({ client, app, schema }) => {
    const refused = async (options: object, message: RegExp): Promise<void> => {
      const call = app.query(`SELECT ${schema}.enqueue($1, $2, $3)`, [
        "shop.v1.Chore",
        Buffer.from(""),
        JSON.stringify(options),
      ]);
      await assert.rejects(call, { code: "22023", message });
    };
    await refused({ que: "x" }, /^INVALID_OPTION: options\.que: there is no such option/);
    await refused({ queue: "Big" }, /^INVALID_NAME: options\.queue/);
    await refused({ queue: 7 }, /^INVALID_NAME: options\.queue/);
    await refused({ priority: 2 ** 31 }, /^INVALID_OPTION: options\.priority: it is a whole number/);
    await refused({ priority: 1.5 }, /^INVALID_OPTION: options\.priority/);
    await refused({ max_attempts: 0 }, /^INVALID_OPTION: options\.max_attempts: .* 1 to 10000/);
    await refused({ delay: "5 minutes" }, /^INVALID_OPTION: options\.delay: a span/);
    await refused({ delay: -1 }, /^INVALID_OPTION: options\.delay/);
    await refused({ delay: "1m", run_at: 0 }, /not both/);
    await refused({ run_at: "2030-01-31 12:00:00" }, /^INVALID_OPTION: options\.run_at/);
    await refused({ run_at: "2030-02-31T12:00:00Z" }, /^INVALID_OPTION: options\.run_at/);
    await refused({ run_at: "2199-01-01T00:00:00Z" }, /ten years/);
    await refused({ timeout: 0 }, /^INVALID_OPTION: options\.timeout/);
    await refused({ timeout: "31d" }, /^INVALID_OPTION: options\.timeout/);
    await refused({ backoff: { initial: "1h" } }, /^INVALID_OPTION: options\.backoff\.max/);
    await refused({ backoff: { kind: "cubic" } }, /^INVALID_OPTION: options\.backoff\.kind/);
    await refused({ backoff: { jitter: 2 } }, /^INVALID_OPTION: options\.backoff\.jitter/);
    await refused({ backoff: [] }, /^INVALID_OPTION: options\.backoff/);
    await refused({ metadata: { a: 1 } }, /^INVALID_OPTION: options\.metadata/);
    await refused({ metadata: { a: "x".repeat(5_000) } }, /4096 bytes/);
    await refused({ metadata: Object.fromEntries(Array.from({ length: 33 }, (_, n) => [`k${n}`, ""])) }, /33 entries/);
    await refused({ id: "" }, /^INVALID_NAME: options\.id/);
    await refused({ id: "x".repeat(129) }, /^INVALID_NAME: options\.id/);
    await refused({ request_id: "ü" }, /^INVALID_NAME: options\.request_id/);
    await refused({ notify: "yes" }, /^INVALID_OPTION: options\.notify/);
    const raw = (type: unknown, payload: unknown): Promise<unknown> =>
      app.query(`SELECT ${schema}.enqueue($1, $2)`, [type, payload]);
    await assert.rejects(raw("no type", ""), { code: "22023", message: /^INVALID_NAME: type/ });
    await assert.rejects(raw(null, ""), { message: /^INVALID_NAME: type/ });
    await assert.rejects(raw("a.B", null), { message: /^PAYLOAD_INVALID: payload/ });
    await assert.rejects(raw("a.B", Buffer.alloc(1_048_577)), { message: /^PAYLOAD_TOO_LARGE/ });
    const batch = (jobs: unknown, payloads: unknown): Promise<unknown> =>
      app.query(`SELECT * FROM ${schema}.enqueue_batch($1, $2)`, [JSON.stringify(jobs), payloads]);
    await assert.rejects(batch({}, []), { message: /it is a list of jobs/ });
    await assert.rejects(batch([{ type: "a.B" }], []), { message: /one for each job/ });
    await assert.rejects(batch([{ type: "a.B" }, { type: "a.B", x: 1 }], ["", ""]), {
      message: /^INVALID_OPTION: jobs\[1\]\.x/,
    });
    await assert.rejects(batch(Array(1_001).fill({ type: "a.B" }), Array(1_001).fill("")), {
      message: /^BATCH_TOO_LARGE/,
    });
    const code = (expected: ConveyorError["code"]) => ({ name: "ConveyorError", code: expected });
    await assert.rejects(client.enqueue(ChoreSchema, {}, { tx: app, queue: "Big" }), code("INVALID_NAME"));
    await assert.rejects(client.enqueue(ChoreSchema, {}, { tx: app, delay: -1 }), code("INVALID_OPTION"));
    await assert.rejects(
      client.enqueue(ChoreSchema, { script: "x".repeat(2e6) }, { tx: app }),
      code("PAYLOAD_TOO_LARGE"),
    );
  }));

test("transactional enqueue / the role needs nothing but the two functions, and gets nothing else by them", () =>
  withShop(async ({ app, client, schema, world, sql }) => {
    for (const table of ["job", "payload", "ready", "session", "counter_apart"]) {
      await assert.rejects(app.query(`SELECT * FROM ${schema}.${table}`), { code: "42501" });
    }
    await assert.rejects(app.query(`SELECT ${schema}.now_ms(NULL)`), { code: "42501" });
    // What a caller puts into his own search path is not looked at.
    await app.query("CREATE TEMP TABLE job (seq bigint); CREATE TEMP TABLE ready (lane int)");
    await app.query("CREATE FUNCTION pg_temp.now_ms(bigint) RETURNS bigint LANGUAGE sql AS 'SELECT 1/0::bigint'");
    await app.query("SET search_path = pg_temp, public");
    await app.query(`SELECT ${schema}.enqueue('a.B', '', '{"id": "mine"}')`);
    assert.equal((await world.store.dump()).jobs[0]?.id, "mine");
    await sql(`REVOKE EXECUTE ON FUNCTION {schema}.enqueue_batch(jsonb, bytea[]) FROM ${app.user}`);
    await assert.rejects(client.enqueue(ChoreSchema, {}, { tx: app }), {
      code: "STORE_DENIED",
      message: /GRANT EXECUTE/,
    });
    const lost = world.connect({ storeSchema: "not_there" });
    await assert.rejects(lost.enqueue(ChoreSchema, {}, { tx: app }), {
      code: "INVALID_OPTION",
      message: /storeSchema/,
    });
    assert.throws(() => world.connect({ storeSchema: 'a"; --' }), { code: "INVALID_OPTION" });
  }));
