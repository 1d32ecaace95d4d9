import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { Redis } from "ioredis";
import { slotOf } from "../../../src/store/redis/slot.ts";
import { parseUrl } from "../../../src/store/redis/store-url.ts";
import { redisClusterNodes } from "../../servers/addresses.ts";

test("redis URL / what is left out has its default", () => {
  assert.deepEqual(parseUrl("redis://db.example"), {
    endpoints: [{ host: "db.example", port: 6379 }],
    isCluster: false,
    user: undefined,
    password: undefined,
    db: 0,
    namespace: "conveyor",
    shards: undefined,
    wait: 0,
    waitMs: 1_000,
    connectMs: 5_000,
    tls: undefined,
    location: "redis://db.example:6379 (namespace conveyor)",
  });
});

test("redis URL / credentials are decoded and never shown", () => {
  const settings = parseUrl("redis://me:s%40crét%2F@[::1]:7000/3?namespace=jobs&shards=4&wait=2&wait_timeout=250ms");
  assert.deepEqual([settings.user, settings.password, settings.db], ["me", "s@crét/", 3]);
  assert.deepEqual(settings.endpoints, [{ host: "::1", port: 7000 }]);
  assert.deepEqual([settings.shards, settings.wait, settings.waitMs], [4, 2, 250]);
  assert.equal(settings.location, "redis://[::1]:7000/3 (namespace jobs)");
  assert.equal(parseUrl("redis://:only@h").password, "only");
});

test("redis URL / a cluster is named by several servers", () => {
  const settings = parseUrl("rediss://a:1,b:2,c/?cluster=true&servername=redis.example");
  assert.equal(settings.isCluster, true);
  assert.deepEqual(
    settings.endpoints.map(({ host, port }) => `${host}:${port}`),
    ["a:1", "b:2", "c:6379"],
  );
  assert.deepEqual(settings.tls, { servername: "redis.example" });
});

test("redis URL / certificates are read from files", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "conveyor-redis-"));
  try {
    for (const name of ["ca", "cert", "key"]) writeFileSync(path.join(folder, name), `the ${name}`);
    const query = ["ca", "cert", "key"].map((name) => `${name}=${path.join(folder, name)}`).join("&");
    assert.deepEqual(parseUrl(`rediss://h/?${query}`).tls, { ca: "the ca", cert: "the cert", key: "the key" });
    assert.throws(() => parseUrl(`rediss://h/?ca=${folder}/none`), { code: "INVALID_OPTION", message: /ca.*ENOENT/ });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("redis URL / whatever is wrong is refused with what, and without the password", () => {
  const wrong: Readonly<Record<string, RegExp>> = {
    "redis:": /of the form/,
    "http://h": /of the form/,
    "redis://": /names no server/,
    "redis://me:secret@": /names no server/,
    "redis://me:secret@h:99999": /port/,
    "redis://me:secret@h:x": /names no server/,
    "redis://me@h": /user without a password/,
    "redis://me:%E0%A4%A@h": /percent-encoded/,
    "redis://me:secret@a,b": /cluster=true/,
    "redis://me:secret@a,b/1?cluster=true": /database 0/,
    "redis://me:secret@h/x": /database number/,
    "redis://me:secret@h/?namespace=Jobs": /namespace is/,
    "redis://me:secret@h/?namespace={x}": /namespace is/,
    "redis://me:secret@h/?shards=0": /shards is a whole number from 1/,
    "redis://me:secret@h/?shards=300": /shards/,
    "redis://me:secret@h/?cluster=yes": /true or false/,
    "redis://me:secret@h/?wait=-1": /wait is/,
    "redis://me:secret@h/?wait_timeout=soon": /wait_timeout/,
    "redis://me:secret@h/?wait_timeout=5s": /wait_timeout/,
    "redis://me:secret@h/?connect_timeout=0": /connect_timeout/,
    "redis://me:secret@h/?pool_size=3": /unknown setting "pool_size"/,
    "redis://me:secret@h/?shards=1&shards=2": /twice/,
    "redis://me:secret@h/?ca=x": /rediss:\/\//,
    "rediss://me:secret@h/?cert=x": /go together/,
  };
  for (const [url, problem] of Object.entries(wrong)) {
    assert.throws(
      () => parseUrl(url),
      (error: Error & { readonly code?: string }) => {
        assert.equal(error.code, "INVALID_OPTION", url);
        assert.match(error.message, problem, url);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      },
    );
  }
});

test("redis slots / are those of the cluster specification", async () => {
  assert.equal(slotOf("123456789"), 0x31c3); // the specification's own example
  const [node] = (await redisClusterNodes()).split(",");
  const redis = new Redis(`redis://${node}`);
  try {
    for (const tag of ["conveyor", "conveyor:0", "conveyor:15", "a.b_c-d:255"]) {
      assert.equal(await redis.call("CLUSTER", "KEYSLOT", `{${tag}}:job`), slotOf(tag), tag);
    }
  } finally {
    redis.disconnect();
  }
});
