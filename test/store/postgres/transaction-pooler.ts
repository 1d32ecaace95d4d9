import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** A pooler that lends a connection of the server for one transaction at a time, and never the same twice in a row, as PgBouncer may. */
export interface TransactionPooler {
  /** Of the server, by way of the pooler. */
  readonly url: string;
  /** Messages that clients sent, by their letter; named statements count as "named". */
  readonly seen: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

const readyForQuery = "Z".charCodeAt(0);

/** Parts a stream into messages of the protocol: a letter, the length with itself, the rest. */
function createSplitter(onMessage: (message: Buffer) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 5 && rest.length > rest.readUInt32BE(1)) {
      const end = rest.readUInt32BE(1) + 1;
      onMessage(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  };
}

interface Backend {
  readonly socket: Socket;
  client: Socket | undefined;
  /** Called when it is free again. */
  done: () => void;
}

export async function startTransactionPooler(serverUrl: string): Promise<TransactionPooler> {
  const server = new URL(serverUrl);
  const seen = new Map<string, number>();
  const free: Backend[] = [];
  const waiting: ((backend: Backend) => void)[] = [];
  const sockets = new Set<Socket>();
  const backends = [await openBackend(), await openBackend(), await openBackend()];
  const greeting = backends[0]?.greeting ?? Buffer.alloc(0);
  for (const { backend } of backends) free.push(backend);

  async function openBackend(): Promise<{ readonly backend: Backend; readonly greeting: Buffer }> {
    const socket = connect(Number(server.port), server.hostname);
    sockets.add(socket);
    await once(socket, "connect");
    socket.write(startupMessage(server.username, server.pathname.slice(1)));
    const told: Buffer[] = [];
    const backend: Backend = { socket, client: undefined, done: () => undefined };
    let isReady: (() => void) | undefined;
    const ready = new Promise<void>((resolve) => {
      isReady = resolve;
    });
    socket.on(
      "data",
      createSplitter((message) => {
        if (isReady !== undefined) told.push(message);
        else backend.client?.write(message);
        if (message[0] !== readyForQuery) return;
        isReady?.();
        isReady = undefined;
        if (message[5] === "I".charCodeAt(0)) backend.done();
      }),
    );
    await ready;
    return { backend, greeting: Buffer.concat(told) };
  }

  function lend(): Promise<Backend> {
    const backend = free.shift();
    if (backend !== undefined) return Promise.resolve(backend);
    return new Promise((resolve) => waiting.push(resolve));
  }

  function takeBack(backend: Backend): void {
    backend.client = undefined;
    const next = waiting.shift();
    if (next === undefined) free.push(backend);
    else next(backend);
  }

  function serve(client: Socket): void {
    sockets.add(client);
    client.on("error", () => undefined);
    client.once("data", () => {
      client.write(greeting);
      let lent: Promise<Backend> | undefined;
      client.on(
        "data",
        createSplitter((message) => {
          const letter = String.fromCharCode(message[0] ?? 0);
          seen.set(letter, (seen.get(letter) ?? 0) + 1);
          // Parse begins with the statement's name.
          if (letter === "P" && message[5] !== 0) seen.set("named", (seen.get("named") ?? 0) + 1);
          if (letter === "X") return;
          lent ??= lend().then((backend) => {
            backend.client = client;
            backend.done = () => {
              lent = undefined;
              takeBack(backend);
            };
            return backend;
          });
          void lent.then((backend) => backend.socket.write(message));
        }),
      );
    });
  }

  const listener = createServer(serve);
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const url = new URL(serverUrl);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  return {
    url: url.href,
    seen,
    async close() {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}

function startupMessage(user: string, database: string): Buffer {
  const text = `user\0${user}\0database\0${database}\0\0`;
  const message = Buffer.alloc(8 + text.length);
  message.writeUInt32BE(message.length, 0);
  message.writeUInt32BE(196_608, 4);
  message.write(text, 8);
  return message;
}
