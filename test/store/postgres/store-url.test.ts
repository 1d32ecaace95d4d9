import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStoreUrl } from "../../../src/store/postgres/store-url.ts";

test("url / names the server, the database and how to use them", () => {
  const address = parseStoreUrl(
    "postgresql://me:p%40ss%2Fword@db.example:6543/jobs?schema=mine&pool_size=20&hints=off&connect_timeout=2" +
      "&sslmode=verify-full&sslrootcert=/etc/ca.pem&sslcert=/etc/me.pem&sslkey=/etc/me.key",
  );
  assert.deepEqual(address, {
    host: "db.example",
    port: 6543,
    database: "jobs",
    user: "me",
    password: "p@ss/word",
    schema: "mine",
    poolSize: 20,
    connectMs: 2_000,
    hints: false,
    ssl: { mode: "verify-full", rootCertFile: "/etc/ca.pem", certFile: "/etc/me.pem", keyFile: "/etc/me.key" },
    location: "postgres://db.example:6543/jobs?schema=mine",
  });
});

test("url / what it leaves out has a default", () => {
  const address = parseStoreUrl("postgres://me@localhost");
  assert.equal(address.database, "me");
  assert.equal(address.port, 5432);
  assert.equal(address.password, undefined);
  assert.equal(address.schema, "conveyor");
  assert.equal(address.hints, true);
  assert.equal(address.ssl.mode, "disable");
  assert.equal(parseStoreUrl("postgres://[::1]:5433/jobs").host, "::1");
  assert.equal(parseStoreUrl("postgres://[::1]:5433/jobs").location, "postgres://[::1]:5433/jobs?schema=conveyor");
  assert.equal(parseStoreUrl("postgres:///jobs?host=/run/postgresql").host, "/run/postgresql");
});

test("url / one that cannot be used says why, and never the password", () => {
  const bad: readonly (readonly [url: string, reason: RegExp])[] = [
    ["mysql://me:secret@db/jobs", /does not begin with postgres:/],
    ["postgres://me:secret@db:port/jobs", /no URL/],
    ["postgres://me:sec%ret@db/jobs", /the password has a %/],
    ["postgres://me:secret#1@db/jobs", /no URL|#/],
    ["postgres:///jobs", /no host/],
    ["postgres://db", /no database/],
    ["postgres://me:secret@db/jobs/more", /one database/],
    ["postgres://me:secret@db/jobs?scheme=x", /unknown setting "scheme"; there are schema, pool_size/],
    ["postgres://me:secret@db/jobs?schema=a&schema=b", /schema twice/],
    ["postgres://me:secret@db/jobs?schema=", /schema is empty/],
    ["postgres://me:secret@db/jobs?schema=Mine", /schema is 1 to 48.*"Mine"/],
    ["postgres://me:secret@db/jobs?schema=pg_mine", /not with pg_/],
    [`postgres://me:secret@db/jobs?schema=${"a".repeat(49)}`, /schema is 1 to 48/],
    ["postgres://me:secret@db/jobs?schema=a%22%3Bdrop", /schema is 1 to 48/],
    ["postgres://me:secret@db/jobs?pool_size=0", /pool_size is a whole number from 1 to 200; got "0"/],
    ["postgres://me:secret@db/jobs?pool_size=many", /pool_size is a whole number/],
    ["postgres://me:secret@db/jobs?connect_timeout=-1", /connect_timeout/],
    ["postgres://me:secret@db/jobs?hints=no", /hints is on, off; got "no"/],
    ["postgres://me:secret@db/jobs?sslmode=prefer", /sslmode is disable, require, verify-ca, verify-full/],
    ["postgres://me:secret@db/jobs?sslrootcert=/ca.pem", /set sslmode/],
    ["postgres://me:secret@db/jobs?sslmode=require&sslcert=/me.pem", /sslcert and sslkey/],
    ["postgres://me:secret@db/jobs?host=/run", /host twice/],
    ["postgres:///jobs?host=db", /folder of a Unix socket/],
  ];
  for (const [url, reason] of bad) {
    assert.throws(
      () => parseStoreUrl(url),
      (error: Error & { code?: string }) => {
        assert.equal(error.code, "INVALID_OPTION", url);
        assert.match(error.message, reason, url);
        assert.doesNotMatch(error.message, /secret|sec%ret/);
        return true;
      },
    );
  }
});
