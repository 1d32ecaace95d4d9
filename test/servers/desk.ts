import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";

/** The environment variable that tells test processes where the desk is. */
export const deskVariable = "CONVEYOR_TEST_DESK";

/** Where the processes of a test run ask for the servers that they share: the first to ask has one started. */
export interface Desk {
  /** Ends what was started. */
  close(): Promise<void>;
}

interface Started {
  readonly address: string;
  stop(): Promise<void>;
}

// Loaded when asked for: most runs need none of them.
const kinds: Readonly<Record<string, () => Promise<Started>>> = {
  postgres: async () => {
    const { url, stop } = await (await import("./postgres.ts")).startPostgres();
    return { address: url, stop };
  },
  redis: async () => {
    const { url, stop } = await (await import("./redis.ts")).startRedis();
    return { address: url, stop };
  },
  "redis-cluster": async () => {
    const { nodes, stop } = await (await import("./redis-cluster.ts")).startRedisCluster();
    return { address: nodes, stop };
  },
};

/** Opens the desk at a socket file. */
export async function openDesk(file: string): Promise<Desk> {
  const started = new Map<string, Promise<Started>>();

  async function addressOf(kind: string): Promise<string> {
    const start = kinds[kind];
    if (start === undefined) throw new Error(`there is no server for tests named "${kind}"`);
    const server = started.get(kind) ?? start();
    // A start that failed is remembered, too: every test that needs it says why, and none waits for it again.
    started.set(kind, server);
    return (await server).address;
  }

  async function answer(socket: Socket): Promise<void> {
    const kind = await text(socket);
    const said = await addressOf(kind).then(
      (address) => ({ address }),
      (error: Error) => ({ error: error.message }),
    );
    socket.end(JSON.stringify(said));
  }

  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined); // a test process that has ended meanwhile
    answer(socket).catch(() => socket.destroy());
  });
  server.listen(file);
  await once(server, "listening");
  return {
    async close() {
      server.close();
      const servers = await Promise.allSettled(started.values());
      await Promise.all(servers.map((each) => (each.status === "fulfilled" ? each.value.stop() : undefined)));
    },
  };
}
