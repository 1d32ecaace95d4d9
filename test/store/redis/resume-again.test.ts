import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultRetention, serverDefaults } from "../../../src/core/job.ts";
import { defaultQueue, type SessionId } from "../../../src/core/names.ts";
import type { Connection, ScriptCall } from "../../../src/store/redis/connection.ts";
import { namespaceTag, openNamespace } from "../../../src/store/redis/namespace.ts";
import { connectionOver } from "../../../src/store/redis/open-connection.ts";
import { openServers } from "../../../src/store/redis/open-servers.ts";
import { Scripts } from "../../../src/store/redis/scripts.ts";
import { parseUrl } from "../../../src/store/redis/store-url.ts";
import { createWrites } from "../../../src/store/redis/writes.ts";
import { redisUrl } from "../../servers/addresses.ts";
import { job, tree, workType } from "../jobs.ts";
import { commit, ownUrl, withStore } from "./world.ts";

const session = { sessionId: "s" as SessionId, principal: "", ttlMs: 60_000 };

/** Runs `work` with a connection to the namespace of this URL. */
async function withConnection(url: string, work: (connection: Connection) => Promise<void>): Promise<void> {
  const settings = parseUrl(url);
  const { servers } = await openServers(settings, false);
  const scripts = new Scripts();
  const client = await (await servers.linkOf(namespaceTag(settings.namespace))).client(performance.now() + 5_000);
  const opened = await openNamespace(client, scripts, settings);
  const connection = connectionOver({ settings, servers, ...opened, scripts });
  try {
    await work(connection);
  } finally {
    await connection.close();
  }
}

/** Has each script executed by a second try, and the first one come only then. */
function firstTryLast(connection: Connection): Connection {
  return {
    ...connection,
    async run(call: ScriptCall) {
      if (call.argsAgain === undefined) return connection.run(call);
      const answer = await connection.run({ ...call, args: call.argsAgain() });
      await connection.run(call);
      return answer;
    },
  };
}

for (const shards of [1, 4]) {
  test(`redis / the first try of a resume that comes after its repeat changes nothing, ${shards} shards (53)`, async () => {
    const url = ownUrl(await redisUrl(), { shards: String(shards) });
    await withStore(url, async (store) => {
      await store.openSession({ ...session, worker: "w", instanceId: "i" });
      await commit(store, { insert: ["a", "b", "c"].map((id) => ({ trees: [tree(job(id))] })) });
      await withConnection(url, async (connection) => {
        const options = { defaults: serverDefaults, retention: defaultRetention };
        const resumed = await createWrites(firstTryLast(connection), options).resumeSession({ ...session, held: [] });
        assert.equal(resumed.kind === "resumed" && resumed.epoch, 2);
      });
      const lanes = [{ queue: defaultQueue, types: [workType], jobsMax: 10 }];
      const claim = { sessionId: session.sessionId, epoch: 2, nonce: "n", jobsMax: 10, bytesMax: 1_000, lanes };
      const { claimed } = await commit(store, { claim: [claim] });
      assert.equal(claimed[0]?.kind === "claimed" && claimed[0].leases.length, 3, "its stream is still the newest");
    });
  });
}
