import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred } from "../../../src/runtime/deferred.ts";
import type { Client, Reply } from "../../../src/store/redis/client.ts";
import { withReplicas } from "../../../src/store/redis/replication.ts";
import { parseUrl } from "../../../src/store/redis/store-url.ts";
import { job, jobId } from "../jobs.ts";
import { commit, ownUrl, withServer, withStore } from "./world.ts";

const none = new Promise<void>(() => undefined);
const idle: Client = { isOpen: true, call: async () => null, ended: none, close: () => undefined };

test("redis replicas / one wait serves all who come while another is under way, and tells each what came of it", async () => {
  const replies = [deferred<Reply>(), deferred<Reply>(), deferred<Reply>()];
  let waits = 0;
  const waiter: Client = {
    ...idle,
    async call(command) {
      if (command !== "WAIT") return 1;
      waits += 1;
      return replies[waits - 1]?.promise ?? null;
    },
  };
  const server = withReplicas(idle, waiter, parseUrl("redis://h/?wait=2"));
  const first = server.replicated("a");
  const later = [server.replicated("a"), server.replicated("b"), server.replicated("c")];
  assert.equal(waits, 1);
  replies[0]?.resolve(2);
  await first;
  const ends = Promise.allSettled(later);
  replies[1]?.resolve(1);
  assert.deepEqual(
    (await ends).map(({ status }) => status),
    ["rejected", "rejected", "rejected"],
  );
  assert.equal(waits, 2);
  const last = server.replicated("a");
  replies[2]?.resolve(3);
  await last;
});

test("redis replicas / calls that wait for a replica that is gone hold up no other, and fail for that alone", async () => {
  await withServer({}, async ({ server }) => {
    await withStore(ownUrl(server.url, { wait: "1", wait_timeout: "1s" }), async (store) => {
      const writes = Array.from({ length: 8 }, (_, index) =>
        commit(store, { insert: [{ trees: [{ root: job(`j${index}`), nodes: [] }] }] }).then(
          () => assert.fail("no replica has it"),
          (error: Error & { readonly code?: string }) => `${error.code} ${error.message}`,
        ),
      );
      let isOver = false;
      const all = Promise.all(writes).finally(() => {
        isOver = true;
      });
      let slowestMs = 0;
      while (!isOver) {
        const startedAt = performance.now();
        assert.equal((await store.getJob(jobId("none")))?.state, undefined);
        slowestMs = Math.max(slowestMs, performance.now() - startedAt);
      }
      assert.ok(slowestMs < 900, `a read took ${slowestMs} ms`);
      for (const text of await all) assert.match(text, /^STORE_UNAVAILABLE .*0 of 1 replicas/);
    });
  });
});
