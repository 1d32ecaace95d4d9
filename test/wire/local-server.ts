import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { openChannel } from "../../src/wire/channel.ts";
import { clientChannelOptions, serverChannelOptions } from "../../src/wire/channel-options.ts";
import { createInProcessServer, type InProcessServer } from "../../src/wire/in-process/server.ts";

export interface LocalServer extends AsyncDisposable {
  readonly address: string;
  readonly server: grpc.Server | InProcessServer;
  readonly client: grpc.Client;
}

/** Set by in-process.test.ts, which runs the tests of calls and streams once more. */
const inProcess = process.env.CONVEYOR_TEST_TRANSPORT === "in-process";

/** A test of what only a connection can do. */
export const connectionTest: typeof test = inProcess ? (((): undefined => undefined) as unknown as typeof test) : test;

/** A server in this process with a client to it; both are closed at the end of the block. */
export function localServer(add: (server: grpc.Server | InProcessServer) => void): Promise<LocalServer> {
  return inProcess ? withoutConnection(add) : overLoopback(add);
}

async function withoutConnection(add: (server: InProcessServer) => void): Promise<LocalServer> {
  const server = createInProcessServer();
  add(server);
  const client = openChannel("in-process", { retries: false, security: server.connection.security });
  return {
    address: "in-process",
    server,
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      server.forceShutdown();
    },
  };
}

async function overLoopback(add: (server: grpc.Server) => void): Promise<LocalServer> {
  const server = new grpc.Server(serverChannelOptions);
  add(server);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const address = `127.0.0.1:${port}`;
  const client = localClient(address);
  return {
    address,
    server,
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      server.forceShutdown();
    },
  };
}

/** A client of its own connection. */
export function localClient(address: string): grpc.Client {
  return new grpc.Client(address, grpc.credentials.createInsecure(), {
    ...clientChannelOptions({ retries: false }),
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": 0,
  });
}
