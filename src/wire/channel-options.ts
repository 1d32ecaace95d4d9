import type * as grpc from "@grpc/grpc-js";

/** What the transport takes; our own limit (`limits.frameBytesMax`) lies well below, so that its text is the one that is seen. */
const transportBytesMax = 8 * 1024 * 1024;
const clientWindowBytes = 4 * 1024 * 1024;

/** Options of a channel to a broker. A channel for streams only sets `retries` to false: grpc-js would buffer what it sends. */
export function clientChannelOptions(options: { readonly retries: boolean }): grpc.ChannelOptions {
  return {
    "grpc.max_receive_message_length": transportBytesMax,
    "grpc.max_send_message_length": transportBytesMax,
    "grpc.enable_retries": options.retries ? 1 : 0,
    "grpc.enable_channelz": 0,
    "grpc-node.flow_control_window": clientWindowBytes,
    "grpc.keepalive_time_ms": 10_000,
    "grpc.keepalive_timeout_ms": 5_000,
  };
}

/**
 * Options of a broker's server: grpc-js leaves keepalive and the number of streams open. Channelz stays on: without it grpc-js
 * 1.14 keeps no list of its connections, and `forceShutdown` ends none of them.
 */
export const serverChannelOptions: grpc.ServerOptions = {
  "grpc.max_receive_message_length": transportBytesMax,
  "grpc.max_send_message_length": transportBytesMax,
  "grpc.keepalive_time_ms": 10_000,
  "grpc.keepalive_timeout_ms": 5_000,
  "grpc.max_concurrent_streams": 1_000,
};
