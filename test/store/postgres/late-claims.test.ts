import assert from "node:assert/strict";
import { test } from "node:test";
import { serverDefaults } from "../../../src/core/job.ts";
import type { SessionId } from "../../../src/core/names.ts";
import type { ClaimItem, CommitBatch } from "../../../src/store/commit.ts";
import type { Connection, Statement } from "../../../src/store/postgres/connection.ts";
import { openConnection } from "../../../src/store/postgres/open-connection.ts";
import { parseStoreUrl } from "../../../src/store/postgres/store-url.ts";
import { createWrites } from "../../../src/store/postgres/writes.ts";
import { job } from "../jobs.ts";
import { type SchemaWorld, withSchema } from "./world.ts";

const sessionId = "s-1" as SessionId;
const { queue, payload } = job("a");

interface Claims {
  readonly world: SchemaWorld;
  commit(batch: Partial<CommitBatch>): Promise<{ readonly leases: number }>;
  /** Sends a claim whose statement is lost on the way; what it answers brings it to the server after all. */
  loseClaim(item: ClaimItem): Promise<() => Promise<void>>;
  running(): Promise<number>;
}

function claim(more: Partial<ClaimItem> = {}): ClaimItem {
  const lanes = [{ queue, types: [payload.type], jobsMax: 10 }];
  return { sessionId, epoch: 1, nonce: "n".repeat(32), jobsMax: 10, bytesMax: 1e6, lanes, ...more };
}

async function withClaims(work: (claims: Claims) => Promise<void>): Promise<void> {
  await withSchema(async (world) => {
    const opened = await openConnection(parseStoreUrl(world.url), {
      allowLossy: false,
      clock: undefined,
      random: Math.random,
    });
    const { connection } = opened;
    const empty: CommitBatch = { renew: [], settle: [], insert: [], claim: [] };
    const writes = createWrites(connection, { defaults: serverDefaults });
    try {
      await writes.openSession({ sessionId, principal: "", worker: "w", instanceId: "i", ttlMs: 600_000 });
      await work({
        world,
        async commit(batch) {
          const { claimed } = await writes.commit({ ...empty, ...batch });
          const leases = claimed.map((answer) => (answer.kind === "claimed" ? answer.leases.length : 0));
          return { leases: leases.reduce((sum, each) => sum + each, 0) };
        },
        async loseClaim(item) {
          const late: Statement[] = [];
          const lossy: Connection = {
            ...connection,
            write(make) {
              late.push(make(false));
              throw new Error("lost");
            },
          };
          await assert.rejects(
            createWrites(lossy, { defaults: serverDefaults }).commit({ ...empty, claim: [item] }),
            /lost/,
          );
          return async () => {
            for (const statement of late) await connection.write(() => statement);
          };
        },
        async running() {
          return Number((await world.sql("SELECT count(*)::int AS n FROM {schema}.leased"))[0]?.n);
        },
      });
    } finally {
      await opened.pool.close();
    }
  });
}

const insert = [{ trees: [{ root: job("a"), nodes: [] }] }, { trees: [{ root: job("b"), nodes: [] }] }];

test("claim again / the first try that arrives after it leases nothing", () =>
  withClaims(async ({ commit, loseClaim, running }) => {
    const arrive = await loseClaim(claim());
    assert.equal((await commit({ claim: [claim({ again: true })] })).leases, 0);
    await commit({ insert });
    await arrive();
    assert.equal(await running(), 0);
    assert.equal((await commit({ claim: [claim({ nonce: "m".repeat(32) })] })).leases, 2);
  }));

test("claim again / a try between that arrives last leases nothing, a later one does", () =>
  withClaims(async ({ commit, loseClaim, running }) => {
    const arrive = await loseClaim(claim({ again: true }));
    assert.equal((await commit({ claim: [claim({ again: true })] })).leases, 0);
    await commit({ insert });
    await arrive();
    assert.equal(await running(), 0);
    assert.equal((await commit({ claim: [claim({ again: true })] })).leases, 2);
    await arrive();
    assert.equal(await running(), 2);
  }));

test("claim again / a session remembers the last sixteen, and none once its stream is another", () =>
  withClaims(async ({ world, commit }) => {
    for (let round = 0; round < 40; round += 1) {
      await commit({ claim: [claim({ again: true, nonce: `${round % 20}`.padEnd(32, "x") })] });
    }
    const fences = await world.sql(
      "SELECT jsonb_array_length(fences) AS n, fences #>> '{0,0}' AS first FROM {schema}.session",
    );
    assert.deepEqual(fences, [{ n: 16, first: "19".padEnd(32, "x") }]);
    await world.sql("SELECT {schema}.resume_session(NULL, 's-1', '', 1000, '{}', '{}')");
    assert.deepEqual(await world.sql("SELECT fences FROM {schema}.session"), [{ fences: null }]);
  }));
