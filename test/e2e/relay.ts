import { createServer, connect as dial, type Socket } from "node:net";

/** Stands between a peer and a broker, and can be cut: then the broker is gone for the peer, without a word. */
export interface Relay extends AsyncDisposable {
  readonly address: string;
  /** Connections that go through it now, and all that ever did. */
  readonly live: number;
  readonly count: number;
  cut(): void;
  mend(): void;
}

export async function openRelay(target: string): Promise<Relay> {
  const { hostname, port } = new URL(`tcp://${target}`);
  const sockets = new Set<Socket>();
  let whole = true;
  let count = 0;
  const server = createServer((near) => {
    if (!whole) {
      near.destroy();
      return;
    }
    count += 1;
    const far = dial(Number(port), hostname);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const cut = () => {
    whole = false;
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${address.port}`,
    get live() {
      return sockets.size / 2;
    },
    get count() {
      return count;
    },
    cut,
    mend() {
      whole = true;
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
