import assert from "node:assert/strict";
import { test } from "node:test";
import { serverDefaults } from "../../../src/core/job.ts";
import type { SessionId } from "../../../src/core/names.ts";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import { postgresUrl } from "../../servers/addresses.ts";
import { job } from "../jobs.ts";
import { startTransactionPooler } from "./transaction-pooler.ts";
import { withSchema, withSettings } from "./world.ts";

const options = { defaults: serverDefaults };

test("pooler / with hints=off a store works through one that lends connections by the transaction", () =>
  withSchema(async ({ schema, sql }) => {
    const pooler = await startTransactionPooler(await postgresUrl());
    try {
      const url = withSettings(pooler.url, { schema, hints: "off" });
      const store = await openPostgresStore(url, options);
      const other = await openPostgresStore(url, options);
      const sessionId = "s-1" as SessionId;
      await store.openSession({ sessionId, principal: "", worker: "w", instanceId: "i", ttlMs: 60_000 });
      const names = Array.from({ length: 40 }, (_, index) => `j${index}`);
      await Promise.all(
        names.map((id) =>
          store.commit({ renew: [], settle: [], insert: [{ trees: [{ root: job(id), nodes: [] }] }], claim: [] }),
        ),
      );
      const { queue, payload } = job("j0");
      const lanes = [{ queue, types: [payload.type], jobsMax: 40 }];
      const claim = { sessionId, epoch: 1, nonce: "n".repeat(32), jobsMax: 40, bytesMax: 1e9, lanes };
      const { claimed } = await other.commit({ renew: [], settle: [], insert: [], claim: [claim] });
      assert.ok(claimed[0]?.kind === "claimed" && claimed[0].leases.length === 40);
      assert.equal((await other.dump()).jobs.length, 40);
      assert.ok((await other.readTime()) > 0);
      // Neither hears the other; nothing is sent for it either.
      other.listen(() => assert.fail("there are no hints"));
      store.announce({ readied: [{ queue, type: payload.type }], ended: [], cancels: [] });
      assert.equal(pooler.seen.get("named"), undefined);
      assert.deepEqual(
        await sql("SELECT count(*)::int AS n FROM pg_stat_activity WHERE application_name = 'conveyor news {schema}'"),
        [{ n: 0 }],
      );
      await Promise.all([store.close(), other.close()]);
    } finally {
      await pooler.close();
    }
  }));
