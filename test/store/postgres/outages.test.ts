import assert from "node:assert/strict";
import { test } from "node:test";
import { serverDefaults } from "../../../src/core/job.ts";
import type { SessionId } from "../../../src/core/names.ts";
import type { CommitBatch } from "../../../src/store/commit.ts";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import type { Store } from "../../../src/store/store.ts";
import { postgresUrl } from "../../servers/addresses.ts";
import { startPostgres } from "../../servers/postgres.ts";
import { startFaultProxy } from "../../servers/proxy/fault-proxy.ts";
import { postgresWire } from "../../servers/proxy/postgres-wire.ts";
import { job } from "../jobs.ts";
import { withSchema, withSettings } from "./world.ts";

const options = { defaults: serverDefaults };
const { queue, payload } = job("a");
const sessionId = "s-1" as SessionId;

function insertOf(id: string): CommitBatch {
  return { renew: [], settle: [], insert: [{ trees: [{ root: job(id), nodes: [] }] }], claim: [] };
}

function claimOf(nonce: string): CommitBatch {
  const lanes = [{ queue, types: [payload.type], jobsMax: 2 }];
  return {
    renew: [],
    settle: [],
    insert: [],
    claim: [{ sessionId, epoch: 1, nonce, jobsMax: 2, bytesMax: 1e6, lanes }],
  };
}

async function openSession(store: Store): Promise<void> {
  await store.openSession({ sessionId, principal: "", worker: "w", instanceId: "i", ttlMs: 60_000 });
}

test("outage / a connection that is cut is replaced, before a statement and after it was done, and a claim counts once", () =>
  withSchema(async ({ schema }) => {
    const proxy = await startFaultProxy(await postgresUrl(), postgresWire);
    const store = await openPostgresStore(withSettings(proxy.url, { schema, hints: "off" }), options);
    try {
      await openSession(store);
      for (const [index, moment] of (["before", "after"] as const).entries()) {
        proxy.arm({ moment, skip: 0 });
        const { inserted } = await store.commit(insertOf(`j${index}`));
        assert.equal(proxy.disarm()?.moment, moment);
        assert.deepEqual(inserted, [
          { kind: "inserted", roots: [{ id: `j${index}`, deduplicated: moment === "after" }] },
        ]);
      }
      for (const id of ["j2", "j3"]) await store.commit(insertOf(id));
      for (const moment of ["before", "after"] as const) {
        proxy.arm({ moment, skip: 0 });
        const [claimed] = (await store.commit(claimOf(moment.padEnd(32, "x")))).claimed;
        assert.equal(proxy.disarm()?.moment, moment);
        assert.ok(claimed?.kind === "claimed");
        assert.equal(claimed.leases.length, 2);
      }
      const { jobs } = await store.dump();
      assert.deepEqual(
        jobs.map(({ state, attempt }) => [state, attempt]),
        Array(4).fill(["RUNNING", 1]),
      );
      for (const read of [() => store.readTime(), () => store.getJob(job("j0").id), () => store.dump()]) {
        proxy.arm({ moment: "before", skip: 0 });
        await read();
        assert.notEqual(proxy.disarm(), undefined);
      }
    } finally {
      await store.close();
      await proxy.close();
    }
  }));

test("outage / every connection killed at once is nothing that a caller notices", () =>
  withSchema(async ({ url, sql }) => {
    const store = await openPostgresStore(url, options);
    try {
      for (let round = 0; round < 3; round += 1) {
        const work = Array.from({ length: 20 }, (_, index) => store.commit(insertOf(`j${round}-${index}`)));
        await sql(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'conveyor' AND pid <> pg_backend_pid() AND query LIKE '%{schema}%'",
        );
        await Promise.all(work);
      }
      assert.equal((await store.dump()).jobs.length, 60);
    } finally {
      await store.close();
    }
  }));

test("outage / a server that is killed and comes back is found again; while it is away calls end with STORE_UNAVAILABLE", async () => {
  const server = await startPostgres();
  const store = await openPostgresStore(server.url, options);
  try {
    await store.commit(insertOf("before"));
    await server.kill();
    const startedAt = performance.now();
    await assert.rejects(
      async () => {
        // A backend that was idle may outlive its postmaster by a moment, and serve one more call.
        for (;;) await store.readTime();
      },
      { code: "STORE_UNAVAILABLE", message: /refuses connections|broke the connection|shut|recovery/ },
    );
    assert.ok(performance.now() - startedAt < 15_000);
    const waiting = store.commit(insertOf("soon"));
    await server.restart();
    await waiting;
    await store.commit(insertOf("after"));
    assert.deepEqual(
      (await store.dump()).jobs.map(({ id }) => id),
      ["before", "soon", "after"],
    );
  } finally {
    await store.close();
    await server.stop();
  }
});

test("outage / a server that takes no writes any more says so, changes nothing, and its connections are dropped", () =>
  withSchema(async ({ url, sql, schema }) => {
    const role = `${schema}_turn`;
    await sql(`CREATE ROLE ${role} LOGIN SUPERUSER`);
    const at = new URL(url);
    at.username = role;
    const store = await openPostgresStore(at.href, options);
    try {
      await store.commit(insertOf("a"));
      await sql(`ALTER ROLE ${role} SET default_transaction_read_only = on`);
      // As if the primary had turned into a replica: known by a connection that is made after that.
      await sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${role}'`);
      await assert.rejects(store.commit(insertOf("b")), { code: "STORE_READ_ONLY" });
      await sql(`ALTER ROLE ${role} RESET default_transaction_read_only`);
      await store.commit(insertOf("c"));
      assert.deepEqual(
        (await store.dump()).jobs.map(({ id }) => id),
        ["a", "c"],
      );
    } finally {
      await store.close();
      await sql(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  }));

test("outage / after close nothing more is taken", () =>
  withSchema(async ({ url }) => {
    const store = await openPostgresStore(url, options);
    await store.close();
    await store.close();
    await assert.rejects(store.readTime(), { code: "CLOSED" });
    await assert.rejects(store.commit(insertOf("a")), { code: "CLOSED" });
    await assert.rejects(store.dump(), { code: "CLOSED" });
  }));
