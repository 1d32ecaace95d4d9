import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A TCP line to a server on 127.0.0.1 that can be cut off in mid-stream. */
export interface SlowLine {
  readonly port: number;
  /** From now on nothing more of what the server sends arrives. */
  hold(): void;
  close(): void;
}

export async function openSlowLine(serverPort: number): Promise<SlowLine> {
  const sockets = new Set<Socket>();
  let held = false;
  const server = createServer((near) => {
    const far = connect(serverPort, "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => undefined).on("close", () => sockets.delete(socket));
    }
    near.pipe(far);
    far.on("data", (bytes) => held || near.write(bytes)).on("end", () => near.end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    hold() {
      held = true;
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
