import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { serverDefaults } from "../../../src/core/job.ts";
import { openPostgresStore } from "../../../src/store/postgres/store.ts";
import { job } from "../jobs.ts";
import { withSchema } from "./world.ts";

test("claim / jobs that another claim holds are passed by, and no more are held than are taken (10)", () =>
  withSchema(async ({ url, schema }) => {
    const store = await openPostgresStore(url, { defaults: serverDefaults });
    const clients = [0, 1, 2].map(() => new pg.Client({ connectionString: url }));
    try {
      const insert = Array.from({ length: 6 }, (_, index) => ({ trees: [{ root: job(`${index}`), nodes: [] }] }));
      await store.commit({ renew: [], settle: [], insert, claim: [] });
      const picked: unknown[] = [];
      for (const [index, client] of clients.entries()) {
        await client.connect();
        await client.query(`SET search_path = ${schema}; BEGIN`);
        // The second looks at two jobs, of which one is held, then at two more, of which it takes one.
        const most = index === 1 ? 2 : 1;
        const { rows } = await client.query(
          "SELECT ARRAY(SELECT j.id FROM job j WHERE j.seq = ANY(p.seqs) ORDER BY j.seq) AS ids FROM pick_ready(ARRAY[1], $1) p",
          [most],
        );
        picked.push(rows[0].ids);
      }
      assert.deepEqual(picked, [["0"], ["1", "2"], ["3"]]);
    } finally {
      for (const client of clients) await client.end();
      await store.close();
    }
  }));
