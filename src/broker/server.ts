import { createServer as createSocket } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { ConveyorError } from "../core/errors.ts";
import { within } from "../runtime/abort.ts";
import { deferred } from "../runtime/deferred.ts";
import { serverChannelOptions } from "../wire/channel-options.ts";

/** A listening grpc-js server. */
export interface Listener {
  /** As it can be dialled: host:port. */
  readonly address: string;
  /** Takes no new calls, waits up to `ms` for those that are open, then ends them. */
  close(ms: number): Promise<void>;
}

export interface ListenOptions {
  /** host:port; port 0 takes a free one. */
  readonly listen: string;
  /** Allows an address beyond loopback although nothing is encrypted and nobody is asked who they are. */
  readonly insecure: boolean;
}

/** A server with safe limits and no services yet. */
export function createServer(): Server {
  return new Server(serverChannelOptions);
}

/** Binds; throws ADDRESS_UNSAFE, ADDRESS_IN_USE, or INVALID_OPTION for an address that cannot be had. */
export async function listen(server: Server, options: ListenOptions): Promise<Listener> {
  const { host, port } = parseAddress(options.listen);
  if (!options.insecure && !isLoopback(host)) {
    throw new ConveyorError(
      "ADDRESS_UNSAFE",
      `${options.listen} can be reached from other machines, and this broker neither encrypts nor asks for credentials; listen on 127.0.0.1, or say insecure`,
    );
  }
  const bound = await bind(server, options.listen, { host, port });
  return {
    address: `${host.includes(":") ? `[${host}]` : host}:${port === 0 ? bound : port}`,
    async close(ms) {
      const closed = deferred<void>();
      server.tryShutdown(() => closed.resolve());
      if (!(await within(closed.promise, ms))) server.forceShutdown();
    },
  };
}

async function bind(
  server: Server,
  address: string,
  at: { readonly host: string; readonly port: number },
): Promise<number> {
  try {
    // grpc-js writes to standard error itself when it cannot bind.
    await tryOut(at);
    const bound = deferred<number>();
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
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

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
