import { once } from "node:events";
import net from "node:net";

export interface Link extends AsyncDisposable {
  readonly address: string;
  /** Resets every connection, as the death of the other machine's process does. */
  cut(): void;
}

/** A TCP relay to `target` on a port of its own. */
export async function openLink(target: string): Promise<Link> {
  const sockets = new Set<net.Socket>();
  const [host, port] = target.split(":");
  const relay = net.createServer((near) => {
    const far = net.connect(Number(port), host ?? "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  const bound = relay.address() as net.AddressInfo;
  const cut = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    address: `127.0.0.1:${bound.port}`,
    cut,
    async [Symbol.asyncDispose]() {
      relay.close();
      cut();
    },
  };
}
