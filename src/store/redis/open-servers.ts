import { ConveyorError } from "../../core/errors.ts";
import { sleep } from "../../runtime/abort.ts";
import { fullJitterMs } from "../../runtime/retry.ts";
import { serverProblem } from "./check-server.ts";
import { type Client, isReplyError, openClient } from "./client.ts";
import { type ServerClient, withoutReplicas, withReplicas } from "./replication.ts";
import { readServerFacts, type ServerFacts, textOf } from "./server-facts.ts";
import { clusterServers, oneServer, type Servers } from "./servers.ts";
import { storageError, storeError } from "./storage-error.ts";
import type { Endpoint, RedisSettings } from "./store-url.ts";

/** Reaches the servers of a URL, each checked now and whenever it is connected again; `facts` are those of the start. */
export async function openServers(
  settings: RedisSettings,
  allowLossy: boolean,
): Promise<{ readonly servers: Servers; readonly facts: readonly ServerFacts[] }> {
  const facts = new Map<string, ServerFacts>();

  async function connect(endpoint: Endpoint): Promise<ServerClient> {
    const location = settings.isCluster
      ? `${settings.location} on ${endpoint.host}:${endpoint.port}`
      : settings.location;
    const client = await openPlain(endpoint);
    try {
      const found = await readServerFacts(client);
      const problem = serverProblem(found, { settings, allowLossy, location });
      if (problem !== undefined) throw problem;
      if (found.isCluster) await checkCluster(client, location);
      facts.set(`${endpoint.host}:${endpoint.port}`, found);
      return settings.wait === 0 ? withoutReplicas(client) : await beside(client, endpoint, found);
    } catch (error) {
      client.close();
      throw storageError(error, location);
    }
  }

  /** With a second connection, which must have come to the same server: behind one name there may be several. */
  async function beside(client: Client, endpoint: Endpoint, { runId }: ServerFacts): Promise<ServerClient> {
    const waiter = await openPlain(endpoint);
    const { runId: reached } = await readServerFacts(waiter).catch((error: unknown) => {
      waiter.close();
      throw error;
    });
    if (reached === runId) return withReplicas(client, waiter, settings);
    waiter.close();
    throw storeError("STORE_UNAVAILABLE", settings.location, "is another server from one connection to the next");
  }

  async function openPlain(endpoint: Endpoint): Promise<Client> {
    return openClient(endpoint, settings).catch((error: unknown) => {
      throw storageError(error, settings.location);
    });
  }

  async function open(): Promise<Servers> {
    const [only] = settings.endpoints;
    if (!settings.isCluster && only !== undefined) return oneServer(settings, only, connect, await connect(only));
    const servers = await clusterServers(settings, connect, openPlain);
    try {
      const deadline = performance.now() + settings.connectMs;
      await Promise.all((await servers.all()).map((link) => link.first(deadline)));
      return servers;
    } catch (error) {
      await servers.close();
      throw error;
    }
  }

  const servers = await whileStarting(open, settings.connectMs);
  return { servers, facts: [...facts.values()] };
}

async function checkCluster(client: Client, location: string): Promise<void> {
  const state = /^cluster_state:(\S+)/m.exec(textOf(await client.call("CLUSTER", "INFO")))?.[1];
  if (state === "ok") return;
  throw storeError("STORE_UNAVAILABLE", location, `is a cluster in the state ${String(state)}: look at CLUSTER INFO`);
}

/** A server that answers, but is not ready, may be starting: it is asked again for a while. */
async function whileStarting<T>(work: () => Promise<T>, boundMs: number): Promise<T> {
  const startedAt = performance.now();
  for (let failures = 0; ; failures += 1) {
    try {
      return await work();
    } catch (error) {
      const pauseMs = fullJitterMs(failures, { maxMs: 500, random: Math.random });
      if (!isStarting(error) || performance.now() - startedAt + pauseMs > boundMs) throw error;
      await sleep(pauseMs);
    }
  }
}

function isStarting(error: unknown): boolean {
  if (!(error instanceof ConveyorError) || error.code !== "STORE_UNAVAILABLE") return false;
  return error.cause === undefined || isReplyError(error.cause);
}
