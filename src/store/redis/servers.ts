import { type Client, isReplyError, type Reply } from "./client.ts";
import { keepLink, type Link } from "./link.ts";
import type { ServerClient } from "./replication.ts";
import { textOf } from "./server-facts.ts";
import { slotOf } from "./slot.ts";
import { storeError } from "./storage-error.ts";
import type { Endpoint, RedisSettings } from "./store-url.ts";

/** The servers of a store: one, or the masters of a cluster. */
export interface Servers {
  /** The link to the server that has the keys with this hash tag. */
  linkOf(tag: string): Promise<Link<ServerClient>>;
  /** A link to each of them. */
  all(): Promise<readonly Link<ServerClient>[]>;
  /** What was known of who has which keys may be wrong: it is asked again. Never throws. */
  doubt(): Promise<void>;
  close(): Promise<void>;
}

/** Connects to a server and checks it; throws why it cannot be used. */
export type Connect = (endpoint: Endpoint) => Promise<ServerClient>;

/** Connects to a server, without checks. */
type Open = (endpoint: Endpoint) => Promise<Client>;

/** The one server of a store that is no cluster; `first` is its connection. */
export function oneServer(settings: RedisSettings, endpoint: Endpoint, connect: Connect, first: ServerClient): Servers {
  const link = keepLink({ location: settings.location, connect: () => connect(endpoint) }, first);
  return {
    linkOf: async () => link,
    all: async () => [link],
    doubt: async () => undefined,
    close: () => link.close(),
  };
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly master: Endpoint;
}

/** The masters of a cluster, each linked when its keys are first asked for. Throws when no endpoint can tell who has what. */
export async function clusterServers(settings: RedisSettings, connect: Connect, open: Open): Promise<Servers> {
  const links = new Map<string, Link<ServerClient>>();
  let ranges: readonly Range[] = [];
  let asking: Promise<void> | undefined;
  let isClosed = false;

  /** From the first that answers: masters known by now, then those of the URL. */
  async function ask(): Promise<readonly Range[]> {
    let failure: unknown = new Error("no server is known");
    const known = [...ranges.map(({ master }) => master), ...settings.endpoints];
    const distinct = new Map(known.map((each) => [nameOf(each), each]));
    for (const endpoint of distinct.values()) {
      let client: Client | undefined;
      try {
        client = await open(endpoint);
        return rangesOf(await client.call("CLUSTER", "SLOTS"), endpoint);
      } catch (error) {
        failure = isNoCluster(error)
          ? storeError("INVALID_OPTION", settings.location, "is no cluster: leave cluster=true out of the URL", error)
          : error;
      } finally {
        client?.close();
      }
    }
    throw failure;
  }

  function learn(found: readonly Range[]): void {
    ranges = found;
    const masters = new Set(found.map(({ master }) => nameOf(master)));
    for (const [name, link] of links) {
      if (masters.has(name)) continue;
      links.delete(name);
      void link.close();
    }
  }

  function linkTo(master: Endpoint): Link<ServerClient> {
    const name = nameOf(master);
    const link = links.get(name) ?? keepLink({ location: settings.location, connect: () => connect(master) });
    links.set(name, link);
    return link;
  }

  ranges = await ask();
  return {
    async linkOf(tag) {
      const slot = slotOf(tag);
      const range = ranges.find(({ first, last }) => first <= slot && slot <= last);
      if (range === undefined) {
        throw storeError(
          "STORE_UNAVAILABLE",
          settings.location,
          `has no server for slot ${slot}: look at CLUSTER INFO`,
        );
      }
      return linkTo(range.master);
    },
    all: async () => [...new Set(ranges.map(({ master }) => linkTo(master)))],
    async doubt() {
      if (isClosed) return;
      asking ??= ask()
        .then(learn, () => undefined)
        .finally(() => {
          asking = undefined;
        });
      await asking;
    },
    async close() {
      isClosed = true;
      await Promise.all([...links.values()].map((link) => link.close()));
    },
  };
}

function isNoCluster(error: unknown): boolean {
  return isReplyError(error) && /cluster support disabled/.test(error.message);
}

function nameOf({ host, port }: Endpoint): string {
  return `${host}:${port}`;
}

/** The answer of CLUSTER SLOTS; a server that does not know its own address leaves its host empty. */
function rangesOf(reply: Reply, asked: Endpoint): readonly Range[] {
  if (!Array.isArray(reply)) throw new Error("CLUSTER SLOTS answered no list");
  return reply.map((each: Reply) => {
    if (!Array.isArray(each) || !Array.isArray(each[2])) throw new Error("CLUSTER SLOTS answered no ranges");
    const [first, last, [host, port]] = each;
    const name = host instanceof Uint8Array ? textOf(host) : "";
    return {
      first: Number(first),
      last: Number(last),
      master: { host: name === "" || name === "?" ? asked.host : name, port: Number(port) },
    };
  });
}
