import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { serverDefaults } from "../../../src/core/job.ts";
import type { CommitAnswer, CommitBatch } from "../../../src/store/commit.ts";
import { openRedisStore } from "../../../src/store/redis/store.ts";
import type { Store } from "../../../src/store/store.ts";
import { startRedis } from "../../servers/redis.ts";
import type { TestServer } from "../../servers/test-server.ts";

const options = { defaults: serverDefaults };

/** A server of a test's own, and a client to it that is no store's. */
export interface OwnServer {
  readonly server: TestServer;
  readonly redis: Redis;
}

/** Runs `work` with a server of its own that has these settings; what it opens there is its to close. */
export async function withServer(
  settings: Readonly<Record<string, string>>,
  work: (own: OwnServer) => Promise<void>,
  dataDir?: string,
): Promise<void> {
  const server = await startRedis({ settings, ...(dataDir === undefined ? {} : { dataDir }) });
  const redis = new Redis(server.url);
  // Tests kill servers.
  redis.on("error", () => undefined);
  try {
    await work({ server, redis });
  } finally {
    redis.disconnect();
    await server.stop();
  }
}

/** A URL of the server with a namespace that no other has. */
export function ownUrl(base: string, settings: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams({ namespace: `test-${randomBytes(6).toString("hex")}`, ...settings });
  return `${base}${base.endsWith("/") ? "" : "/"}?${query}`;
}

/** Runs `work` with a store that is opened there and closed afterwards. */
export async function withStore(url: string, work: (store: Store) => Promise<void>, allowLossy = false): Promise<void> {
  const store = await openRedisStore(url, { ...options, allowLossy });
  try {
    await work(store);
  } finally {
    await store.close();
  }
}

/** Asserts that nothing can be opened there, with this reason. */
export async function refused(url: string, code: string, message: RegExp): Promise<void> {
  await assert.rejects(openRedisStore(url, options), (error: Error & { readonly code?: string }) => {
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.doesNotMatch(`${error.message} ${String(error.cause)}`, /secret/);
    return true;
  });
}

export function commit(store: Store, batch: Partial<CommitBatch>): Promise<CommitAnswer> {
  return store.commit({ renew: [], settle: [], insert: [], claim: [], ...batch });
}

/** Tries `work` until it does not throw: a store gives up after some seconds, and those who use it try again. */
export async function eventually<T>(work: () => Promise<T>, msMax = 30_000): Promise<T> {
  for (const until = performance.now() + msMax; ; ) {
    try {
      return await work();
    } catch (error) {
      if (performance.now() > until) throw error;
    }
  }
}
