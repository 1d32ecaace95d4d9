import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import type { Redis } from "ioredis";
import type { SessionId, TypeName } from "../../../src/core/names.ts";
import type { ClaimItem } from "../../../src/store/commit.ts";
import type { Store } from "../../../src/store/store.ts";
import { startFaultProxy } from "../../servers/proxy/fault-proxy.ts";
import { redisWire } from "../../servers/proxy/redis-wire.ts";
import { job, jobId, success } from "../jobs.ts";
import { commit, eventually, ownUrl, withServer, withStore } from "./world.ts";

const sessionId = "session" as SessionId;
const session = { sessionId, principal: "", worker: "w", instanceId: "i", ttlMs: 60_000 };

function claim(some: Partial<ClaimItem> = {}): ClaimItem {
  const types = ["test.v1.Work" as TypeName];
  const lanes = [{ queue: job("x").queue, types, jobsMax: 10 }];
  return { sessionId, epoch: 1, nonce: "nonce", jobsMax: 10, bytesMax: Number.POSITIVE_INFINITY, lanes, ...some };
}

async function insert(store: Store, ...ids: readonly string[]): Promise<void> {
  const answer = await commit(store, { insert: ids.map((id) => ({ trees: [{ root: job(id), nodes: [] }] })) });
  for (const each of answer.inserted) assert.equal(each.kind, "inserted");
}

/** From its next rewrite on the server's append-only file is a device that has no room: every write to it fails with ENOSPC. */
async function fillDisk(redis: Redis, dataDir: string): Promise<void> {
  const folder = path.join(dataDir, "appendonlydir");
  const name = readdirSync(folder).find((each) => each.endsWith(".incr.aof"));
  assert.ok(name, "this test needs Redis 7, which keeps its append-only file in parts");
  const next = name.replace(/\.(\d+)\.incr/, (_, number: string) => `.${Number(number) + 1}.incr`);
  symlinkSync("/dev/full", path.join(folder, next));
  await redis.bgrewriteaof();
}

async function saved(redis: Redis, status: "ok" | "err"): Promise<void> {
  await eventually(async () => {
    const info = await redis.info("persistence");
    assert.match(info, /rdb_bgsave_in_progress:0/);
    assert.match(info, new RegExp(`rdb_last_bgsave_status:${status}`));
  });
}

// Most of them wait for a store to give up.
describe("redis outage", { concurrency: 5 }, () => {
  test("redis outage / a server that was killed and is back is used again, and nothing acknowledged is gone", async () => {
    await withServer({}, async ({ server }) => {
      await withStore(ownUrl(server.url), async (store) => {
        await store.openSession(session);
        await insert(store, "a", "b");
        await server.kill();
        const startedAt = performance.now();
        await assert.rejects(store.getJob(jobId("a")), { code: "STORE_UNAVAILABLE", message: /ECONNREFUSED|lost/ });
        await assert.rejects(insert(store, "c"), { code: "STORE_UNAVAILABLE" });
        assert.ok(performance.now() - startedAt < 15_000, "a call is given up after some seconds");
        await server.restart();
        await eventually(() => insert(store, "c"));
        const { claimed } = await commit(store, { claim: [claim()] });
        const leases = claimed[0]?.kind === "claimed" ? claimed[0].leases : [];
        assert.deepEqual(leases.map((lease) => lease.jobId).sort(), ["a", "b", "c"]);
      });
    });
  });

  test("redis outage / calls under way when the server dies are made when it is back within seconds", async () => {
    await withServer({}, async ({ server }) => {
      await withStore(ownUrl(server.url), async (store) => {
        const waiting = [insert(store, "before")];
        await Promise.all(waiting);
        const killed = server.kill();
        waiting.push(insert(store, "a"), insert(store, "b"));
        await killed;
        waiting.push(insert(store, "c"));
        await server.restart();
        await Promise.all(waiting);
        const ids = (await store.dump()).jobs.map((each) => each.id).sort();
        assert.deepEqual(ids, ["a", "b", "before", "c"]);
      });
    });
  });

  test("redis outage / many calls under way when the server dies leave nothing behind on their connection", async () => {
    await withServer({}, async ({ server }) => {
      await withStore(ownUrl(server.url), async (store) => {
        const warnings: string[] = [];
        const hear = (warning: Error): void => void warnings.push(warning.name);
        process.on("warning", hear);
        try {
          process.kill(server.pid, "SIGSTOP");
          const calls = Array.from({ length: 30 }, () => store.getJob(jobId("a")));
          await new Promise(setImmediate);
          await server.kill();
          await server.restart();
          await Promise.all(calls);
        } finally {
          process.off("warning", hear);
        }
        assert.deepEqual(warnings, []);
      });
    });
  });

  test("redis outage / a claim whose answer was lost is answered with the same leases", async () => {
    await withServer({}, async ({ server }) => {
      const proxy = await startFaultProxy(
        server.url,
        redisWire(() => "script"),
      );
      try {
        await withStore(ownUrl(proxy.url), async (store) => {
          await store.openSession(session);
          await insert(store, "a", "b", "c");
          proxy.arm({ moment: "after" });
          const { claimed } = await commit(store, { claim: [claim({ jobsMax: 2 })] });
          assert.equal(proxy.fired()?.moment, "after");
          assert.equal(claimed[0]?.kind === "claimed" ? claimed[0].leases.length : -1, 2);
          const running = (await store.dump()).jobs.filter((each) => each.state === "RUNNING");
          assert.equal(running.length, 2);
        });
      } finally {
        await proxy.close();
      }
    });
  });

  test("redis outage / scripts that the server forgot are sent again", async () => {
    await withServer({}, async ({ server, redis }) => {
      await withStore(ownUrl(server.url), async (store) => {
        await insert(store, "a");
        await redis.call("SCRIPT", "FLUSH");
        await insert(store, "b");
        await redis.call("SCRIPT", "FLUSH");
        assert.equal((await store.getJob(jobId("b")))?.state, "READY");
      });
    });
  });

  test("redis outage / a server that is full says so, and what it holds stays and can be read", async () => {
    await withServer({}, async ({ server, redis }) => {
      await withStore(ownUrl(server.url), async (store) => {
        await store.openSession(session);
        await insert(store, "a");
        const { claimed } = await commit(store, { claim: [claim()] });
        const lease = claimed[0]?.kind === "claimed" ? claimed[0].leases[0] : undefined;
        assert.ok(lease);
        const before = await store.dump();
        await redis.config("SET", "maxmemory", "1");
        await assert.rejects(insert(store, "b"), { code: "STORE_FULL", message: /maxmemory/ });
        const settle = [{ leaseId: lease.leaseId, outcome: success(), sent: "success", jitter: 0 } as const];
        await assert.rejects(commit(store, { settle }), { code: "STORE_FULL" });
        assert.deepEqual(await store.dump(), before);
        await redis.config("SET", "maxmemory", "0");
        const { settled } = await commit(store, { settle });
        assert.equal(settled[0]?.kind, "accepted");
        await insert(store, "b");
      });
    });
  });

  test("redis outage / a full disk is named, and what the server holds stays and can be read", async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), "conveyor-redis-"));
    try {
      await withServer(
        { appendfsync: "everysec" },
        async ({ server, redis }) => {
          await withStore(ownUrl(server.url), async (store) => {
            await insert(store, "a");
            await fillDisk(redis, dataDir);
            // The first writes may still be taken, into the server's memory alone: that is what everysec means.
            let tries = 0;
            await eventually(async () => {
              tries += 1;
              await assert.rejects(insert(store, `b${tries}`), {
                code: "STORE_FULL",
                message: /free space on the server's disk.*No space left/,
              });
            });
            assert.equal((await store.getJob(jobId("a")))?.state, "READY");
          });
        },
        dataDir,
      );
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  test("redis outage / a server that cannot save what it is told to save takes nothing", async () => {
    const dataDir = mkdtempSync(path.join(tmpdir(), "conveyor-redis-"));
    try {
      await withServer(
        { save: "3600 1" },
        async ({ server, redis }) => {
          await withStore(ownUrl(server.url), async (store) => {
            await insert(store, "a");
            // A folder where the file is to be.
            mkdirSync(path.join(dataDir, "dump.rdb"));
            await redis.bgsave();
            await saved(redis, "err");
            await assert.rejects(insert(store, "b"), {
              code: "STORE_UNAVAILABLE",
              message: /cannot make changes durable/,
            });
            rmdirSync(path.join(dataDir, "dump.rdb"));
            await redis.bgsave();
            await saved(redis, "ok");
            await insert(store, "b");
          });
        },
        dataDir,
      );
    } finally {
      rmSync(dataDir, { recursive: true, force: true });
    }
  });

  test("redis outage / a server that turned replica takes no writes until it is master again", async () => {
    await withServer({}, async ({ server, redis }) => {
      await withStore(ownUrl(server.url), async (store) => {
        await insert(store, "a");
        await redis.call("REPLICAOF", "127.0.0.1", "1");
        await assert.rejects(insert(store, "b"), { code: "STORE_UNAVAILABLE", message: /replica/ });
        await redis.call("REPLICAOF", "NO", "ONE");
        await eventually(() => insert(store, "b"));
      });
    });
  });

  test("redis outage / with less than the rights it needs a store sends no script after the one that was refused", async () => {
    await withServer({}, async ({ server, redis }) => {
      await redis.call("ACL", "SETUSER", "me", "on", ">secret", "allkeys", "allchannels", "+@all");
      await withStore(ownUrl(server.url.replace("//", "//me:secret@")), async (store) => {
        await store.openSession(session);
        await insert(store, "a", "b");
        await redis.call("ACL", "SETUSER", "me", "-zrem");
        const refused = { code: "STORE_UNAVAILABLE", message: /no rights|refuses its user these commands.*ZREM/ };
        await assert.rejects(commit(store, { claim: [claim({ jobsMax: 1 })] }), refused);
        await assert.rejects(insert(store, "c"), refused);
        await redis.call("ACL", "SETUSER", "me", "+zrem");
        await eventually(() => insert(store, "d"));
        assert.equal(await store.getJob(jobId("c")), undefined);
      });
    });
  });

  test("redis outage / settings are looked at again after a reconnect", async () => {
    await withServer({}, async ({ server, redis }) => {
      await withStore(ownUrl(server.url), async (store) => {
        await insert(store, "a");
        await redis.config("SET", "appendonly", "no");
        await redis.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        await assert.rejects(insert(store, "b"), { code: "STORE_UNAVAILABLE", message: /append-only file is off/ });
        await redis.config("SET", "appendonly", "yes");
        await eventually(() => insert(store, "b"));
      });
    });
  });

  test("redis outage / a server that came back with less than it had acknowledged is told of", async () => {
    await withServer({ appendonly: "no" }, async ({ server }) => {
      const url = ownUrl(server.url);
      const warned = new Promise<Error & { readonly code?: string }>((resolve) => {
        process.on("warning", function hear(warning: Error & { readonly code?: string }) {
          if (warning.code !== "STORE_LOST_WRITES") return;
          process.off("warning", hear);
          resolve(warning);
        });
      });
      await withStore(
        url,
        async (store) => {
          await insert(store, "a");
          await store.readTime();
          await server.kill();
          await server.restart();
          await eventually(() => store.readTime());
          assert.match((await warned).message, /came back without all it had acknowledged/);
        },
        true,
      );
    });
  });

  test("redis outage / a change that too few replicas have is not acknowledged", async () => {
    await withServer({}, async ({ server }) => {
      await withStore(ownUrl(server.url, { wait: "1", wait_timeout: "50ms" }), async (store) => {
        assert.match(store.description.durability, /1 replica has it/);
        await assert.rejects(insert(store, "a"), { code: "STORE_UNAVAILABLE", message: /0 of 1 replicas/ });
        assert.equal((await store.getJob(jobId("a")))?.state, "READY");
      });
    });
  });

  test("redis outage / a closed store says so, also to calls that wait for its server", async () => {
    await withServer({}, async ({ server }) => {
      await withStore(ownUrl(server.url), async (store) => {
        await server.kill();
        const waiting = assert.rejects(store.readTime(), { code: "CLOSED" });
        await store.close();
        await waiting;
        await assert.rejects(store.readTime(), { code: "CLOSED" });
      });
    });
  });
});
