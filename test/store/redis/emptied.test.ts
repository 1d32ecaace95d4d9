import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionId } from "../../../src/core/names.ts";
import { job, jobId, tree } from "../jobs.ts";
import { commit, ownUrl, withServer, withStore } from "./world.ts";

const session = { sessionId: "s" as SessionId, epoch: 1 };
const emptied = { code: "STORE_CORRUPT", message: /emptied.*nothing|emptied.*restart every broker/ };

test("redis / a broker whose namespace was emptied under it is told so, also when another has made it anew", () =>
  withServer({}, async ({ server, redis }) => {
    const url = ownUrl(server.url);
    await withStore(url, async (store) => {
      await commit(store, { insert: [{ trees: [tree(job("before"))] }] });
      await redis.flushall();
      const writes = [
        () => commit(store, { insert: [{ trees: [tree(job("after"))] }] }),
        () => store.openSession({ ...session, principal: "", worker: "w", instanceId: "i", ttlMs: 1_000 }),
        () => store.promote({ max: 1 }),
        () => store.cancel([{ id: jobId("before"), includeHeirs: false }]),
        () => store.prune({ max: 1 }),
      ];
      for (const write of writes) await assert.rejects(write, emptied);
      assert.deepEqual(await redis.keys("*"), [], "nothing was written to what was emptied");
      await withStore(url, async (fresh) => {
        await commit(fresh, { insert: [{ trees: [tree(job("new"))] }] });
        for (const write of writes) await assert.rejects(write, emptied);
        assert.equal((await fresh.dump()).jobs.length, 1);
      });
    });
  }));
