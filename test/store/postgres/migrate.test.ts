import assert from "node:assert/strict";
import { test } from "node:test";
import { serverDefaults } from "../../../src/core/job.ts";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import { job } from "../jobs.ts";
import { asUser, withSchema } from "./world.ts";

const options = { defaults: serverDefaults };

test("migrations / twelve brokers that start at once make one schema", () =>
  withSchema(async ({ url, sql }) => {
    const stores = await Promise.all(Array.from({ length: 12 }, () => openPostgresStore(url, options)));
    const installed = await sql("SELECT number, name, checksum FROM {schema}.migration ORDER BY number");
    assert.deepEqual(
      installed.map(({ name }) => name),
      ["functions", "0001-tables"],
    );
    for (const store of stores) assert.ok((await store.readTime()) > 0);
    await Promise.all(stores.map((store) => store.close()));
    const again = await openPostgresStore(url, options);
    await again.close();
    assert.deepEqual(await sql("SELECT number, name, checksum FROM {schema}.migration ORDER BY number"), installed);
  }));

test("migrations / a newer schema is refused and left as it is", () =>
  withSchema(async ({ url, sql }) => {
    await (await openPostgresStore(url, options)).close();
    await sql("INSERT INTO {schema}.migration (number, name, checksum) VALUES (4711, 'later', 'x')");
    await assert.rejects(openPostgresStore(url, options), {
      code: "STORE_TOO_NEW",
      message: /schema 4711\.\d+, this one knows/,
    });
    await sql("DELETE FROM {schema}.migration WHERE number = 4711");
    await sql("UPDATE {schema}.migration SET checksum = '4711:x' WHERE number = 0");
    await assert.rejects(openPostgresStore(url, options), { code: "STORE_TOO_NEW", message: /newer Conveyor/ });
    assert.deepEqual(await sql("SELECT checksum FROM {schema}.migration WHERE number = 0"), [{ checksum: "4711:x" }]);
  }));

test("migrations / functions of before are replaced whatever their shape was, and what was granted on them stays", () =>
  withSchema(async ({ url, sql }) => {
    await (await openPostgresStore(url, options)).close();
    const [before] = await sql("SELECT checksum FROM {schema}.migration WHERE number = 0");
    await sql("UPDATE {schema}.migration SET checksum = '0:old' WHERE number = 0");
    await sql("DROP FUNCTION {schema}.now_ms(bigint)");
    await sql(
      "CREATE FUNCTION {schema}.now_ms(p_now bigint, OUT a text, OUT b text) LANGUAGE sql AS 'SELECT NULL, NULL'",
    );
    await sql("CREATE FUNCTION {schema}.of_before(a int) RETURNS int LANGUAGE sql AS 'SELECT 1'");
    const granted = ["now_ms", "of_before", "enqueue"];
    for (const name of granted) await sql(`GRANT EXECUTE ON FUNCTION {schema}.${name} TO pg_monitor`);
    await (await openPostgresStore(url, options)).close();
    assert.deepEqual(await sql("SELECT checksum FROM {schema}.migration WHERE number = 0"), [before]);
    assert.deepEqual(await sql("SELECT to_regproc('{schema}.of_before') AS gone"), [{ gone: null }]);
    assert.deepEqual(
      await sql(`SELECT p.proname AS name FROM pg_proc p WHERE p.pronamespace = '{schema}'::regnamespace
        AND has_function_privilege('pg_monitor', p.oid, 'EXECUTE') ORDER BY 1`),
      [{ name: "enqueue" }, { name: "now_ms" }],
    );
    assert.deepEqual(await sql("SELECT {schema}.now_ms(7) AS now"), [{ now: "7" }]);
  }));

test("migrations / what PUBLIC may call stays when functions are replaced", () =>
  withSchema(async ({ url, sql }) => {
    await (await openPostgresStore(url, options)).close();
    await sql("GRANT EXECUTE ON FUNCTION {schema}.enqueue TO PUBLIC");
    await sql("UPDATE {schema}.migration SET checksum = '0:old' WHERE number = 0");
    await (await openPostgresStore(url, options)).close();
    assert.deepEqual(
      await sql(`SELECT p.proname AS name FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.pronamespace = '{schema}'::regnamespace AND a.grantee = 0`),
      [{ name: "enqueue" }],
    );
  }));

test("migrations / functions are replaced while an application's transaction is open, and brokers work on", () =>
  withSchema(async ({ url, sql }) => {
    const running = await openPostgresStore(url, options);
    await sql("UPDATE {schema}.migration SET checksum = '0:old' WHERE number = 0");
    await sql("BEGIN");
    await sql("SELECT {schema}.enqueue('a.B', '')");
    const startedAt = performance.now();
    await (await openPostgresStore(url, options)).close();
    await running.commit({ renew: [], settle: [], insert: [{ trees: [{ root: job("a"), nodes: [] }] }], claim: [] });
    assert.ok(performance.now() - startedAt < 8_000);
    await sql("COMMIT");
    await sql("DELETE FROM {schema}.job WHERE id = 'a'");
    assert.deepEqual(await sql("SELECT count(*)::int AS payloads FROM {schema}.payload"), [{ payloads: 1 }]);
    await running.close();
  }));

test("migrations / a migration that differs from the one that ran is refused", () =>
  withSchema(async ({ url, sql }) => {
    await (await openPostgresStore(url, options)).close();
    await sql("UPDATE {schema}.migration SET checksum = 'another' WHERE number = 1");
    await assert.rejects(openPostgresStore(url, options), { code: "STORE_CORRUPT", message: /another 0001-tables/ });
  }));

test("migrations / another program's schema is refused and left as it is", () =>
  withSchema(async ({ url, sql }) => {
    await sql("CREATE SCHEMA {schema}; CREATE TABLE {schema}.invoice (id int)");
    await assert.rejects(openPostgresStore(url, options), {
      code: "STORE_CORRUPT",
      message: /another program.*\?schema=/,
    });
    assert.deepEqual(
      await sql("SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = '{schema}'::regnamespace"),
      [{ n: 1 }],
    );
  }));

test("migrations / one that fails leaves nothing behind", () =>
  withSchema(async ({ url, sql, schema }) => {
    await sql(`CREATE ROLE ${schema}_poor LOGIN; GRANT CREATE ON DATABASE postgres TO ${schema}_poor`);
    try {
      await sql("CREATE SCHEMA {schema}");
      await assert.rejects(openPostgresStore(asUser(url, `${schema}_poor`), options), { code: "STORE_DENIED" });
      assert.deepEqual(
        await sql("SELECT count(*)::int AS n FROM pg_class WHERE relnamespace = '{schema}'::regnamespace"),
        [{ n: 0 }],
      );
    } finally {
      await sql(`REVOKE ALL ON DATABASE postgres FROM ${schema}_poor; DROP ROLE ${schema}_poor`);
    }
  }));

test("rights / what a role may not do is said with the GRANT that is missing (G)", () =>
  withSchema(async ({ url, sql, schema }) => {
    const role = `${schema}_role`;
    const poor = asUser(url, role);
    await sql(`CREATE ROLE ${role} LOGIN`);
    try {
      const refused = (message: RegExp): Promise<void> =>
        assert.rejects(openPostgresStore(poor, options), { code: "STORE_DENIED", message });
      await refused(new RegExp(`CREATE SCHEMA "${schema}" AUTHORIZATION "${role}"`));
      await sql("CREATE SCHEMA {schema}");
      await refused(new RegExp(`GRANT USAGE ON SCHEMA "${schema}" TO "${role}"`));
      await sql(`GRANT USAGE ON SCHEMA {schema} TO ${role}`);
      await refused(new RegExp(`GRANT CREATE ON SCHEMA "${schema}" TO "${role}"`));
      await (await openPostgresStore(url, options)).close();
      await refused(/GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES/);
      await sql(`GRANT SELECT ON {schema}.migration TO ${role}`);
      await refused(/does not let the role .* GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES/);
      await sql(`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO ${role}`);
      await sql(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO ${role}`);
      await refused(/GRANT EXECUTE ON ALL FUNCTIONS/);
      await sql(`GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO ${role}`);
      const store = await openPostgresStore(poor, options);
      assert.ok((await store.readTime()) > 0);
      await store.close();
    } finally {
      await sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  }));
