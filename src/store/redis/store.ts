import type { Store, StoreOptions } from "../store.ts";
import { checkRights } from "./check-rights.ts";
import { durabilityOf } from "./check-server.ts";
import { openAny } from "./client.ts";
import { adoptShards, namespaceTag, openNamespace } from "./namespace.ts";
import { exchangeNews } from "./news.ts";
import { connectionOver } from "./open-connection.ts";
import { openServers } from "./open-servers.ts";
import { createReads } from "./reads.ts";
import { Scripts } from "./scripts.ts";
import { parseUrl } from "./store-url.ts";
import { createWrites } from "./writes.ts";

export interface RedisStoreOptions extends StoreOptions {
  /** Allows settings of the server that can lose acknowledged jobs. */
  readonly allowLossy?: boolean;
}

/**
 * Opens the namespace that a `redis:` or `rediss:` URL names, making it when it is new. Any number of brokers at a time.
 * Throws INVALID_OPTION, STORE_UNAVAILABLE, STORE_DENIED, STORE_TOO_OLD, STORE_TOO_NEW, STORE_READ_ONLY, STORE_LOSSY, STORE_FULL, STORE_CORRUPT.
 */
export async function openRedisStore(url: string, options: RedisStoreOptions): Promise<Store> {
  const settings = parseUrl(url);
  const { servers, facts } = await openServers(settings, options.allowLossy === true);
  try {
    const scripts = new Scripts();
    const link = await servers.linkOf(namespaceTag(settings.namespace));
    const client = await link.client(performance.now() + settings.connectMs);
    const opened = await openNamespace(client, scripts, settings);
    const { clock } = options;
    let latest = 0;
    const given = clock === undefined ? undefined : () => Math.max(latest, clock());
    const connection = connectionOver({ settings, servers, ...opened, scripts, clock: given });
    const reads = createReads(connection, settings.location);
    await checkRights(connection, settings.location);
    await adoptShards(connection);
    // A clock of a test may be behind what another store had on one of the shards.
    if (clock !== undefined) latest = await reads.readTime();
    const news = await exchangeNews({
      location: settings.location,
      // Publishing knows no databases.
      channel: `${settings.namespace}:news${settings.db === 0 ? "" : `:${settings.db}`}`,
      connect: (hear) => openAny(settings, hear),
      publish: (channel, message) => connection.send(0, "PUBLISH", channel, message),
    });
    return {
      description: {
        kind: "redis",
        location: settings.location,
        durability: durabilityOf(facts, settings),
        flights: 2,
      },
      ...createWrites(connection, options),
      ...reads,
      announce: news.announce,
      listen: news.listen,
      async close() {
        await Promise.all([news.close(), connection.close()]);
      },
    };
  } catch (error) {
    await servers.close();
    throw error;
  }
}
