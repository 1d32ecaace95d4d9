import * as grpc from "@grpc/grpc-js";
import { ConveyorError } from "../core/errors.ts";
import { clientChannelOptions } from "./channel-options.ts";
import type { Security } from "./credentials.ts";
import { isLoopback } from "./loopback.ts";

const defaultPort = 2668;
const addressPattern = /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;

export interface ChannelOptions {
  readonly retries: boolean;
  /** Plain text and no token when left out. */
  readonly security?: Security | undefined;
}

/**
 * A channel of its own to a broker at `host` or `host:port` (2668 when left out); connects at the first call. INVALID_OPTION for
 * what is no such address. It shares no connection with other channels, so that a new one never inherits a dead one.
 */
export function openChannel(address: string, options: ChannelOptions): grpc.Client {
  const { security } = options;
  return new grpc.Client(withPort(address), security?.channel ?? grpc.credentials.createInsecure(), {
    ...clientChannelOptions(options),
    ...security?.options,
    interceptors: [...(security?.interceptors ?? [])],
    "grpc.use_local_subchannel_pool": 1,
    // A name with several records: clients spread over them, and go to another one when theirs is gone.
    "grpc.service_config": '{"loadBalancingConfig":[{"pick_first":{"shuffleAddressList":true}}]}',
    "grpc.initial_reconnect_backoff_ms": 100,
    "grpc.max_reconnect_backoff_ms": 2_000,
    // A proxy of the environment cannot reach what listens on this machine alone.
    ...(isLoopback(address) ? { "grpc.enable_http_proxy": 0 } : {}),
  });
}

/** `host:port`, the port filled in; INVALID_OPTION for anything else. */
export function withPort(address: string): string {
  const match = typeof address === "string" ? addressPattern.exec(address) : null;
  const port = match?.[1];
  if (match && (port === undefined || (Number(port) > 0 && Number(port) < 65_536))) {
    return port === undefined ? `${address}:${defaultPort}` : address;
  }
  const problem = "the address of a broker is host or host:port, such as localhost:2668, without a scheme";
  throw new ConveyorError("INVALID_OPTION", `${problem}; got ${JSON.stringify(address)}`, {
    details: { fields: [{ path: "address", problem }] },
  });
}
