import {
  type ChannelInterface,
  type ChannelOptions,
  connectivityState,
  credentials,
  type Server,
  status,
} from "@grpc/grpc-js";
import type { Connection } from "../connection.ts";
import { createCall, type OpenCall } from "./call.ts";
import type { ServedMethod } from "./serve-call.ts";

/** A server for clients of this process, used as one of grpc-js: no address, no port, nothing leaves the memory. */
export interface InProcessServer extends Pick<Server, "addService" | "tryShutdown" | "forceShutdown"> {
  /** How its clients are connected. */
  readonly connection: Connection;
}

export function createInProcessServer(): InProcessServer {
  const methods = new Map<string, ServedMethod>();
  const open = new Set<OpenCall>();
  const onIdle: (() => void)[] = [];
  let calls = 0;
  let closed = false;

  function settle(): void {
    if (open.size > 0) return;
    for (const idle of onIdle.splice(0)) idle();
  }

  function createChannel(): ChannelInterface {
    let shut = false;
    return {
      createCall(path, deadline) {
        // How grpc-js says it, too.
        if (shut) throw new Error("Channel has been shut down");
        calls += 1;
        const call: OpenCall = createCall({
          path,
          deadline,
          method: methods.get(path),
          number: calls,
          onOver() {
            open.delete(call);
            settle();
          },
        });
        open.add(call);
        if (closed) call.cancel(status.UNAVAILABLE, stopped);
        return call.client;
      },
      close() {
        shut = true;
      },
      getTarget: () => "in-process",
      getConnectivityState: () => (shut ? connectivityState.SHUTDOWN : connectivityState.READY),
      watchConnectivityState: () => undefined, // it does not change while anyone may look
      getChannelzRef() {
        throw new Error("channelz knows no channels within a process");
      },
    };
  }

  const options: ChannelOptions = { channelFactoryOverride: createChannel };
  return {
    addService(service, implementation) {
      for (const [name, definition] of Object.entries(service)) {
        const handler = implementation[name] ?? implementation[definition.originalName ?? name];
        if (handler !== undefined) methods.set(definition.path, { definition, handler });
      }
    },
    tryShutdown(callback) {
      closed = true;
      onIdle.push(callback);
      settle();
    },
    forceShutdown() {
      closed = true;
      for (const call of [...open]) call.cancel(status.UNAVAILABLE, stopped);
    },
    connection: {
      addresses: ["in-process"],
      security: { channel: credentials.createInsecure(), options, interceptors: [] },
    },
  };
}

const stopped = "the broker in this process has stopped";
