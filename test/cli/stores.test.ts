import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import pg from "pg";
import { postgresUrl, redisUrl } from "../servers/addresses.ts";
import { startRedis } from "../servers/redis.ts";
import type { TestServer } from "../servers/test-server.ts";
import { conveyor, serve } from "./conveyor.ts";

/** With all that would break a URL if it were not encoded. */
const password = "hush/hush:@?#%";
const name = `cli_${randomBytes(6).toString("hex")}`;

let folder: string;
let guarded: TestServer;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "conveyor-stores-"));
  guarded = await startRedis({ settings: { requirepass: password } });
});
after(async () => {
  await guarded.stop();
  await rm(folder, { recursive: true, force: true });
});

/** A store on the server of the run that is this file's alone. */
const stores: Readonly<Record<string, () => Promise<string>>> = {
  sqlite: async () => `sqlite:${join(folder, "jobs.db")}`,
  postgres: async () => `${await postgresUrl()}?schema=${name}`,
  redis: async () => `${await redisUrl()}?namespace=${name}`,
};

after(async () => {
  const client = new pg.Client({ connectionString: await postgresUrl() });
  await client.connect();
  await client.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
  await client.end();
});

for (const [kind, url] of Object.entries(stores)) {
  test(`serve / on ${kind} it says where the store is and what an acknowledgement means, and keeps jobs over a restart`, async () => {
    const store = await url();
    const id = `kept-${kind}`;
    {
      await using broker = await serve([], { env: { CONVEYOR_STORE: store } });
      const shown = broker.banner.store as {
        readonly kind: string;
        readonly location: string;
        readonly durability: string;
      };
      assert.equal(shown.kind, kind);
      assert.ok(shown.location.includes(kind === "sqlite" ? "jobs.db" : name), shown.location);
      assert.match(shown.durability, /^every acknowledged change is /);
      const sent = await conveyor([
        "enqueue",
        "conveyor.v1.Group",
        "--in",
        "1h",
        "--id",
        id,
        "--address",
        broker.address,
      ]);
      assert.equal(sent.code, 0, sent.stderr);
      assert.deepEqual(await broker.stop(), { code: 0, signal: null });
    }
    await using again = await serve(["--store", store]);
    assert.equal((await conveyor(["job", "show", id, "--address", again.address])).code, 0);
  });
}

test("serve / a password comes from a file or the environment, whatever is in it, and is shown nowhere", async () => {
  const file = join(folder, "password");
  await writeFile(file, `${password}\n`, { mode: 0o600 });
  const url = `redis://127.0.0.1:${guarded.port}`;
  const ways: readonly (readonly [readonly string[], Readonly<Record<string, string>>])[] = [
    [["--store", url, "--store-password-file", file], {}],
    [["--store", url], { CONVEYOR_STORE_PASSWORD_FILE: file }],
    [[], { CONVEYOR_STORE: url, CONVEYOR_STORE_PASSWORD: password }],
    [["--store", `redis://default@127.0.0.1:${guarded.port}`], { CONVEYOR_STORE_PASSWORD: password }],
  ];
  for (const [args, env] of ways) {
    await using broker = await serve(args, { env });
    assert.doesNotMatch(JSON.stringify(broker.banner) + broker.stderr(), /hush/);
  }
});

const refusals: readonly (readonly [
  what: string,
  url: () => Promise<string>,
  env: Readonly<Record<string, string>>,
  says: RegExp,
])[] = [
  ["a missing password", async () => guarded.url, {}, /STORE_DENIED: .*redis:\/\/127\.0\.0\.1/],
  ["a wrong password", async () => guarded.url, { CONVEYOR_STORE_PASSWORD: "hush-wrong" }, /STORE_DENIED: /],
  ["no Redis there", async () => "redis://127.0.0.1:1?connect_timeout=1s", {}, /STORE_UNAVAILABLE: .*127\.0\.0\.1:1/],
  ["no PostgreSQL there", async () => "postgres://me:hush@127.0.0.1:1/none", {}, /STORE_UNAVAILABLE: .*127\.0\.0\.1:1/],
  [
    "a database that is not there",
    async () => `${(await postgresUrl()).replace(/\/[^/]*$/, "")}/no_such_database`,
    {},
    /STORE_[A-Z]+: .*no_such_database/,
  ],
];

for (const [what, url, env, says] of refusals) {
  test(`start fault / ${what}`, async () => {
    const ended = await conveyor(["serve", "--listen", "127.0.0.1:0", "--store", await url()], { env });
    assert.equal(ended.code, 7, ended.stderr);
    assert.match(ended.stderr, says);
    assert.doesNotMatch(ended.stderr, /hush| at .*\.ts:/);
  });
}
