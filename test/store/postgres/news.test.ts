import assert from "node:assert/strict";
import { test } from "node:test";
import { serverDefaults } from "../../../src/core/job.ts";
import type { JobId, LeaseId, SessionId } from "../../../src/core/names.ts";
import type { News } from "../../../src/store/effects.ts";
import { newsOf, newsTexts } from "../../../src/store/postgres/news-text.ts";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import type { Store } from "../../../src/store/store.ts";
import { job } from "../jobs.ts";
import { type SchemaWorld, withSchema, withSettings } from "./world.ts";

const options = { defaults: serverDefaults };
const { queue, payload } = job("a");
const lane = { queue, type: payload.type };

function news(...ended: string[]): News {
  return { readied: [lane], ended: ended.map((id) => id as JobId), cancels: [] };
}

/** What a store hears, to be awaited. */
function ear(store: Store): {
  readonly heard: (News | undefined)[];
  until(when: (heard: readonly (News | undefined)[]) => boolean): Promise<void>;
} {
  const heard: (News | undefined)[] = [];
  let check: () => void = () => undefined;
  store.listen((each) => {
    heard.push(each);
    check();
  });
  return {
    heard,
    until: (when) =>
      new Promise((resolve) => {
        check = () => {
          if (when(heard)) resolve();
        };
        check();
      }),
  };
}

const isConnected = (heard: readonly unknown[]): boolean => heard.includes(undefined);

async function withTwo(work: (one: Store, other: Store, world: SchemaWorld) => Promise<void>): Promise<void> {
  await withSchema(async (world) => {
    const one = await openPostgresStore(world.url, options);
    const other = await openPostgresStore(world.url, options);
    try {
      await work(one, other, world);
    } finally {
      await Promise.all([one.close(), other.close()]);
    }
  });
}

test("news / reach the other brokers of the schema, not oneself and not another schema's (13)", () =>
  withTwo(async (one, other, { url, schema, sql }) => {
    const stranger = await openPostgresStore(withSettings(url, { schema: `${schema}_x` }), options);
    try {
      const ears = [ear(one), ear(other), ear(stranger)] as const;
      await Promise.all(ears.map((each) => each.until(isConnected)));
      one.announce(news("j1"));
      await ears[1].until((heard) => heard.some((each) => each?.ended.length === 1));
      assert.deepEqual(
        ears[1].heard.filter((each) => each !== undefined),
        [news("j1")],
      );
      other.announce(news("j2"));
      await ears[0].until((heard) => heard.some((each) => each?.ended[0] === "j2"));
      assert.deepEqual(
        ears[0].heard.filter((each) => each !== undefined),
        [news("j2")],
      );
      assert.deepEqual(ears[2].heard, [undefined]);
    } finally {
      await stranger.close();
      await sql(`DROP SCHEMA {schema}_x CASCADE`);
    }
  }));

test("news / what is told in quick succession is told together", () =>
  withTwo(async (one, other) => {
    const hearing = ear(other);
    await Promise.all([hearing.until(isConnected), ear(one).until(isConnected)]);
    for (let index = 0; index < 200; index += 1) one.announce(news(`j${index}`));
    await hearing.until((heard) => heard.some((each) => each?.ended.includes("j199" as JobId)));
    const ended = hearing.heard.flatMap((each) => each?.ended ?? []);
    assert.equal(new Set(ended).size, 200);
    assert.ok(hearing.heard.length < 10, `heard ${hearing.heard.length} times`);
  }));

test("news / after the connection was lost it is back by itself, and says that something may have been missed", () =>
  withTwo(async (one, other, { sql }) => {
    const hearing = ear(other);
    const telling = ear(one);
    await Promise.all([hearing.until(isConnected), telling.until(isConnected)]);
    const gaps = (heard: readonly unknown[]): number => heard.filter((each) => each === undefined).length;
    const killed = await sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'conveyor news {schema}' AND pid <> pg_backend_pid()",
    );
    assert.equal(killed.length, 2);
    await Promise.all([hearing, telling].map((each) => each.until((heard) => gaps(heard) === 2)));
    one.announce(news("after"));
    await hearing.until((heard) => heard.some((each) => each?.ended[0] === "after"));
  }));

test("news / a closed store hears and tells nothing more, and its connection is gone", () =>
  withTwo(async (one, other, { sql }) => {
    const hearing = ear(other);
    await Promise.all([hearing.until(isConnected), ear(one).until(isConnected)]);
    const listening = async (): Promise<unknown> =>
      (
        await sql("SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'conveyor news {schema}'")
      )[0]?.n;
    assert.equal(await listening(), 2);
    await other.close();
    // The server takes a moment to see it.
    while ((await listening()) !== 1);
    one.announce(news("j1"));
    other.announce(news("j2"));
    assert.deepEqual(hearing.heard, [undefined]);
  }));

test("news / texts stay below what PostgreSQL takes, with cancels first and the rest cut short", () => {
  const many: News = {
    readied: Array.from({ length: 50 }, (_, index) => ({ queue, type: `t.T${index}` as typeof payload.type })),
    ended: Array.from({ length: 5_000 }, (_, index) => `job-${index}-${"x".repeat(60)}` as JobId),
    cancels: [{ sessionId: "s" as SessionId, leaseId: "1.n" as LeaseId, reason: "REQUESTED" }],
  };
  const texts = newsTexts(many, "me");
  assert.equal(texts.length, 4);
  for (const text of texts) assert.ok(Buffer.byteLength(text) < 8_000, String(Buffer.byteLength(text)));
  const told = texts.map((text) => newsOf(text, "you"));
  assert.deepEqual(told[0]?.cancels, many.cancels);
  assert.deepEqual(
    told.flatMap((each) => each?.readied ?? []),
    many.readied,
  );
  assert.ok(told.flatMap((each) => each?.ended ?? []).length > 300);
  assert.deepEqual(newsTexts({ readied: [], ended: [], cancels: [] }, "me"), []);
});

test("news / what anyone may have written into the channel does no harm", () => {
  for (const text of [
    "",
    "x",
    "null",
    "[]",
    "7",
    '"a"',
    "{}",
    '{"r":7,"e":{},"c":"x"}',
    '{"r":{"q":[7]},"e":[null],"c":[["a"],[1,2,3],["s","l","NONE"]]}',
  ]) {
    const told = newsOf(text, "me");
    if (told !== undefined) assert.deepEqual(told, { readied: [], ended: [], cancels: [] }, text);
  }
  assert.equal(newsOf('{"b":"me","e":["j"]}', "me"), undefined);
  assert.deepEqual(newsOf('{"r":{"mail":["a.B"]}}', "me")?.readied, [{ queue: "mail", type: "a.B" }]);
});
