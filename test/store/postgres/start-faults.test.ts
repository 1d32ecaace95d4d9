import assert from "node:assert/strict";
import { once } from "node:events";
import { chmod, chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { generate } from "selfsigned";
import { serverDefaults } from "../../../src/core/job.ts";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import { unprivileged } from "../../servers/account.ts";
import { startPostgres } from "../../servers/postgres.ts";
import type { TestServer } from "../../servers/test-server.ts";
import { asUser, withSchema, withSettings } from "./world.ts";

const options = { defaults: serverDefaults };
const password = "pa/ss w@rd";

/** A server with TLS, and a role that needs a password. */
let server: TestServer;
let folder: string;
let rootCert: string;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "conveyor-pg-"));
  await chmod(folder, 0o755);
  rootCert = path.join(folder, "root.crt");
  const dataDir = path.join(folder, "data");
  // Made first, so that the certificate can lie in it.
  const first = await startPostgres({ dataDir });
  await first.stop();
  const made = await generate([{ name: "commonName", value: "localhost" }], {
    algorithm: "sha256",
    keySize: 2048,
    extensions: [{ name: "subjectAltName", altNames: [{ type: 2, value: "localhost" }] }],
  });
  await writeFile(rootCert, made.cert);
  await writeFile(path.join(dataDir, "server.crt"), made.cert);
  await writeFile(path.join(dataDir, "server.key"), made.private, { mode: 0o600 });
  const account = unprivileged();
  if (account !== undefined) await chown(path.join(dataDir, "server.key"), account.uid, account.gid);
  const rules = await readFile(path.join(dataDir, "pg_hba.conf"), "utf8");
  await writeFile(
    path.join(dataDir, "pg_hba.conf"),
    `host all guarded all scram-sha-256\nhostssl all tls_only all trust\nhost all tls_only all reject\n${rules}`,
  );
  server = await startPostgres({ dataDir, settings: { ssl: "on" } });
  await withSchema(async ({ sql }) => {
    await sql(`CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '${password}'`);
    await sql("CREATE ROLE tls_only LOGIN SUPERUSER");
  }, server.url);
});

after(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function refused(url: string, code: string, message: RegExp): Promise<void> {
  await assert.rejects(openPostgresStore(url, options), (error: Error & { code?: string }) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /pa\/ss|pa%2F|wrong-secret/);
    return true;
  });
}

async function opens(url: string): Promise<void> {
  const store = await openPostgresStore(url, options);
  try {
    assert.ok((await store.readTime()) > 0);
    assert.doesNotMatch(JSON.stringify(store.description), /pa\/ss|pa%2F/);
  } finally {
    await store.close();
  }
}

test("start / a wrong password, none, and a role that is not there are refused with STORE_DENIED (G)", () =>
  withSchema(async ({ url }) => {
    await opens(asUser(url, "guarded", encodeURIComponent(password)));
    await refused(
      asUser(url, "guarded", "wrong-secret"),
      "STORE_DENIED",
      /refuses these credentials.*28P01.*"guarded"/,
    );
    await refused(asUser(url, "guarded"), "STORE_DENIED", /asks for a password/);
    await refused(asUser(url, "nobody_here"), "STORE_DENIED", /28000.*"nobody_here"/);
  }, server.url));

test("start / an unknown database, host or port says which (G)", async () => {
  const other = new URL(server.url);
  other.pathname = "/nowhere";
  await refused(other.href, "STORE_UNAVAILABLE", /no such database.*3D000/);
  const closed = new URL(server.url);
  closed.port = "1";
  await refused(closed.href, "STORE_UNAVAILABLE", /127\.0\.0\.1:1\/postgres.*refuses connections/);
  await refused("postgres://me@no-such-host.invalid/jobs", "STORE_UNAVAILABLE", /no-such-host\.invalid/);
});

test("start / TLS: each sslmode checks what it promises (G)", () =>
  withSchema(async ({ url }) => {
    const tls = asUser(url, "tls_only");
    const byName = tls.replace("127.0.0.1", "localhost");
    await refused(tls, "STORE_DENIED", /28000.*no encryption|28000.*reject/);
    await opens(withSettings(tls, { sslmode: "require" }));
    await refused(withSettings(tls, { sslmode: "verify-ca" }), "STORE_UNAVAILABLE", /certificate.*sslrootcert/);
    await opens(withSettings(tls, { sslmode: "verify-ca", sslrootcert: rootCert }));
    await opens(withSettings(byName, { sslmode: "verify-full", sslrootcert: rootCert }));
    await refused(
      withSettings(tls, { sslmode: "verify-full", sslrootcert: rootCert }),
      "STORE_UNAVAILABLE",
      /certificate/,
    );
    await refused(
      withSettings(tls, { sslmode: "require", sslrootcert: "/no/file.crt" }),
      "INVALID_OPTION",
      /sslrootcert.*\/no\/file\.crt/,
    );
  }, server.url));

test("start / sslmode on a server without TLS says so", () =>
  withSchema(async ({ url }) => {
    await refused(withSettings(url, { sslmode: "require" }), "STORE_UNAVAILABLE", /offers no TLS/);
  }));

test("start / a database set to read only is refused (G)", () =>
  withSchema(async ({ url, sql, schema }) => {
    await sql(
      `CREATE ROLE ${schema}_ro LOGIN SUPERUSER; ALTER ROLE ${schema}_ro SET default_transaction_read_only = on`,
    );
    await refused(asUser(url, `${schema}_ro`), "STORE_READ_ONLY", /default_transaction_read_only/);
    await sql(`DROP ROLE ${schema}_ro`);
  }, server.url));

test("start / where synchronous_commit is off for the role, a session of ours sets it on, and behind a pooler it is refused (G)", () =>
  withSchema(async ({ url, sql, schema }) => {
    await sql(`CREATE ROLE ${schema}_soft LOGIN SUPERUSER; ALTER ROLE ${schema}_soft SET synchronous_commit = off`);
    const soft = asUser(url, `${schema}_soft`);
    const store = await openPostgresStore(soft, options);
    assert.match(store.description.durability, /synchronous_commit=on/);
    await store.close();
    const pooled = withSettings(soft, { hints: "off" });
    await refused(pooled, "STORE_LOSSY", /synchronous_commit is off.*ALTER ROLE/);
    const lossy = await openPostgresStore(pooled, { ...options, allowLossy: true });
    assert.match(lossy.description.durability, /^LOSSY.*synchronous_commit=off/);
    await lossy.close();
    await sql(`DROP OWNED BY ${schema}_soft; DROP ROLE ${schema}_soft`);
  }, server.url));

test("start / a session of ours reads what is committed, whatever the role's default; behind a pooler another default is refused (G)", () =>
  withSchema(async ({ url, sql, schema }) => {
    const role = `${schema}_rr`;
    await sql(
      `CREATE ROLE ${role} LOGIN SUPERUSER; ALTER ROLE ${role} SET default_transaction_isolation = 'repeatable read'`,
    );
    const strict = asUser(url, role);
    // At once: each looks at the schema again once it has waited for the one that makes it.
    const stores = await Promise.all(Array.from({ length: 4 }, () => openPostgresStore(strict, options)));
    await Promise.all(stores.map((store) => store.close()));
    await refused(withSettings(strict, { hints: "off" }), "STORE_UNAVAILABLE", /repeatable read.*ALTER ROLE/);
    await sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
  }, server.url));

test("start / a database in another encoding than UTF8 is refused, and nothing is made in it (G)", () =>
  withSchema(async ({ url, sql, schema }) => {
    await sql(`CREATE DATABASE ${schema} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
    const other = new URL(url);
    other.pathname = `/${schema}`;
    await refused(other.href, "STORE_UNAVAILABLE", /encoding SQL_ASCII.*ENCODING 'UTF8'/);
    await sql(`DROP DATABASE ${schema}`);
  }, server.url));

test("start / a server that loses what it acknowledged is refused unless that is allowed (G)", async () => {
  const lossy = await startPostgres({ settings: { full_page_writes: "off" } });
  try {
    await refused(lossy.url, "STORE_LOSSY", /full_page_writes is off.*--allow-lossy/);
    const store = await openPostgresStore(lossy.url, { ...options, allowLossy: true });
    assert.match(store.description.durability, /^LOSSY/);
    await store.close();
  } finally {
    await lossy.stop();
  }
});

test("start / a server that never answers ends in connect_timeout, not in a hang", async () => {
  const mute = createServer(() => undefined);
  mute.listen(0, "127.0.0.1");
  await once(mute, "listening");
  const address = mute.address();
  assert.ok(address !== null && typeof address === "object");
  const startedAt = performance.now();
  await refused(
    `postgres://me@127.0.0.1:${address.port}/jobs?connect_timeout=1`,
    "STORE_UNAVAILABLE",
    /does not answer/,
  );
  assert.ok(performance.now() - startedAt < 9_000);
  mute.close();
});
