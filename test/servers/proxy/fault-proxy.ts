import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import type { Wire, WireRequest } from "./wire.ts";

/** Stands between a driver and its server and cuts one connection where it is told to. */
export interface FaultProxy {
  /** The server's URL, by way of the proxy. */
  readonly url: string;
  /** Counts the requests of each kind that come by from here on, until it is given nothing. */
  count(into: Map<string, number> | undefined): void;
  /** Cuts once: the connection of the first request of the kind, or of any, that comes after `skip` others. */
  arm(cut: Cut): void;
  /** What was cut since it was asked last; then it is armed no more. */
  fired(): DoneCut | undefined;
  /** As `fired`; what was armed is forgotten. */
  disarm(): DoneCut | undefined;
  close(): Promise<void>;
}

/** `before`: the server never got the request. `after`: it did all that was asked, and the reply is lost. */
type CutMoment = "before" | "after";

interface Cut {
  readonly moment: CutMoment;
  readonly of?: string | undefined;
  readonly skip?: number;
}

interface DoneCut {
  readonly kind: string;
  readonly moment: CutMoment;
}

export async function startFaultProxy(serverUrl: string, wire: Wire): Promise<FaultProxy> {
  const target = new URL(serverUrl);
  let counted: Map<string, number> | undefined;
  const sockets = new Set<Socket>();
  let armed: Cut | undefined;
  let skipped = 0;
  let done: DoneCut | undefined;

  /** The cut that this request is to suffer, if it is the one. */
  function cutFor({ kind }: WireRequest): CutMoment | undefined {
    if (kind === undefined) return undefined;
    counted?.set(kind, (counted.get(kind) ?? 0) + 1);
    if (armed === undefined || (armed.of ?? kind) !== kind) return undefined;
    skipped += 1;
    if (skipped <= (armed.skip ?? 0)) return undefined;
    const { moment } = armed;
    done = { kind, moment };
    armed = undefined;
    return moment;
  }

  function arm(cut: Cut): void {
    armed = cut;
    skipped = 0;
    done = undefined;
  }

  function fired(): DoneCut | undefined {
    const told = done;
    done = undefined;
    return told;
  }

  function serve(client: Socket): void {
    const server = connect({ host: target.hostname, port: Number(target.port) });
    const requests = wire.requests();
    const replies = wire.replies();
    let repliesDue = 0;
    /** Replies that still go through before the connection is cut. */
    let repliesLeft = Number.POSITIVE_INFINITY;
    const waiting: WireRequest[] = [];
    const end = (): void => {
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.on("error", end);
      socket.on("close", () => {
        sockets.delete(socket);
        end();
      });
    }
    const send = (request: WireRequest): void => {
      // What comes while the cut waits for its reply goes down with the connection, unless there will be no cut.
      if (repliesLeft < Number.POSITIVE_INFINITY) {
        waiting.push(request);
        return;
      }
      if (client.destroyed) return;
      const cut = cutFor(request);
      if (cut === "before") {
        end();
        return;
      }
      server.write(request.bytes);
      if (cut === "after") repliesLeft = repliesDue;
      if (request.hasReply) repliesDue += 1;
    };
    client.on("data", (bytes: Buffer) => requests.push(bytes).forEach(send));
    server.on("data", (bytes: Buffer) => {
      for (const reply of replies.push(bytes)) {
        const isCut = repliesLeft === 0;
        if (isCut && !wire.isDeferred(reply)) {
          end();
          return;
        }
        client.write(reply);
        repliesDue -= 1;
        repliesLeft -= 1;
        if (!isCut) continue;
        repliesLeft = Number.POSITIVE_INFINITY;
        arm({ moment: "after" });
        waiting.splice(0).forEach(send);
      }
    });
  }

  const listener = createServer(serve).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  const url = new URL(serverUrl);
  url.port = String(address.port);
  return {
    url: url.href,
    count(into) {
      counted = into;
    },
    arm,
    fired,
    disarm() {
      armed = undefined;
      return fired();
    },
    async close() {
      listener.close();
      for (const socket of sockets) socket.destroy();
      await once(listener, "close");
    },
  };
}
