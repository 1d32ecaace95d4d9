import * as grpc from "@grpc/grpc-js";
import { clientChannelOptions, serverChannelOptions } from "../../src/wire/channel-options.ts";

export interface LocalServer extends AsyncDisposable {
  readonly address: string;
  readonly server: grpc.Server;
  readonly client: grpc.Client;
}

/** A grpc-js server on a free port of 127.0.0.1 with a client to it; both are closed at the end of the block. */
export async function localServer(add: (server: grpc.Server) => void): Promise<LocalServer> {
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
