import { createServer as createSocket } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ConveyorError } from "../core/errors.ts";
import { within } from "../runtime/abort.ts";
import { deferred } from "../runtime/deferred.ts";
import { serverChannelOptions } from "../wire/channel-options.ts";
import type { InProcessServer } from "../wire/in-process/server.ts";
import { isLoopback } from "../wire/loopback.ts";

/** A server that takes calls. */
export interface Listener {
  /** As it can be dialled: host:port, or "in-process". */
  readonly address: string;
  /** Takes no new calls, waits up to `ms` for those that are open, then ends them. */
  close(ms: number): Promise<void>;
}

/** Where services are added, before it takes calls. */
export interface Front {
  readonly server: Pick<Server, "addService">;
  /** Begins to take calls. Throws ADDRESS_UNSAFE, ADDRESS_IN_USE, or INVALID_OPTION for an address that cannot be had. */
  open(): Promise<Listener>;
}

export interface FrontOptions {
  /** host:port; port 0 takes a free one. Or a server within this process, which has nothing to bind. */
  readonly listen: string | InProcessServer;
  /** Allows an address beyond loopback although it is not encrypted, or nobody is asked who they are. */
  readonly insecure: boolean;
  /** Plain text when left out. */
  readonly tls: ServerCredentials | undefined;
  /** Whether callers are asked who they are. */
  readonly asksCallers: boolean;
}

/** A server with safe limits and no services yet. */
export function createFront({ listen: place, ...options }: FrontOptions): Front {
  if (typeof place !== "string") {
    return { server: place, open: async () => ({ address: "in-process", close: (ms) => close(place, ms) }) };
  }
  const server = new Server(serverChannelOptions);
  return { server, open: () => listen(server, { ...options, listen: place }) };
}

type ListenOptions = FrontOptions & { readonly listen: string };

async function listen(server: Server, options: ListenOptions): Promise<Listener> {
  const { host, port } = parseAddress(options.listen);
  if (!options.insecure && !isLoopback(host)) refuseUnsafe(options);
  const bound = await bind(server, options, { host, port });
  return {
    address: `${host.includes(":") ? `[${host}]` : host}:${port === 0 ? bound : port}`,
    close: (ms) => close(server, ms),
  };
}

async function close(server: Pick<Server, "tryShutdown" | "forceShutdown">, ms: number): Promise<void> {
  const closed = deferred<void>();
  server.tryShutdown(() => closed.resolve());
  if (!(await within(closed.promise, ms))) server.forceShutdown();
}

/** Nothing unless TLS, or whoever checks the callers, is missing. */
function refuseUnsafe({ listen: address, tls, asksCallers }: ListenOptions): void {
  const missing = [
    ...(tls === undefined ? ["TLS (--tls-cert and --tls-key)"] : []),
    ...(asksCallers ? [] : ["credentials to ask for (--tokens, or --tls-client-ca)"]),
  ];
  if (missing.length === 0) return;
  throw new ConveyorError(
    "ADDRESS_UNSAFE",
    `${address} can be reached from other machines, and this broker has no ${missing.join(" and no ")}; add what is missing, listen on 127.0.0.1, or say --insecure`,
  );
}

async function bind(
  server: Server,
  { listen: address, tls = ServerCredentials.createInsecure() }: ListenOptions,
  at: { readonly host: string; readonly port: number },
): Promise<number> {
  try {
    // grpc-js writes to standard error itself when it cannot bind.
    await tryOut(at);
    const bound = deferred<number>();
    server.bindAsync(address, tls, (error, port) => {
      if (error) bound.reject(error);
      else bound.resolve(port);
    });
    return await bound.promise;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (text.includes("EADDRINUSE")) {
      const message = `${address} is in use by another process; stop it or listen elsewhere`;
      throw new ConveyorError("ADDRESS_IN_USE", message, { cause: error });
    }
    throw new ConveyorError("INVALID_OPTION", `listen: ${address} cannot be bound: ${text}`, { cause: error });
  }
}

async function tryOut(at: { readonly host: string; readonly port: number }): Promise<void> {
  const tried = deferred<void>();
  const socket = createSocket();
  socket.once("error", tried.reject);
  socket.listen(at, () => socket.close(() => tried.resolve()));
  await tried.promise;
}

function parseAddress(listen: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(listen) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535) {
    throw new ConveyorError(
      "INVALID_OPTION",
      `listen: ${JSON.stringify(listen)} is no host:port, such as 127.0.0.1:2668`,
    );
  }
  return { host, port };
}
