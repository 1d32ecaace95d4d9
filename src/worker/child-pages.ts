import type { Client } from "@grpc/grpc-js";
import { WorkerService } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { retryUnavailable } from "../runtime/retry.ts";
import { openChannel } from "../wire/channel.ts";
import type { Security } from "../wire/credentials.ts";
import { callUnary } from "../wire/unary.ts";
import type { ListChildren } from "./child-reader.ts";

const pageTimeoutMs = 30_000;

/** Pages of children from the broker, on a channel that is opened at the first call: only heirs need it. */
export function createChildPages(options: {
  readonly address: string;
  readonly security: Security;
  readonly random: () => number;
}): {
  readonly list: ListChildren;
  close(): void;
} {
  let client: Client | undefined;
  return {
    list(request, signal) {
      client ??= openChannel(options.address, { retries: false, security: options.security });
      const channel = client;
      // The attempt's own time-out aborts the signal: no other bound is needed.
      return retryUnavailable(
        () => callUnary(channel, WorkerService.method.listChildResults, request, { signal, timeoutMs: pageTimeoutMs }),
        { signal, boundMs: Number.POSITIVE_INFINITY, random: options.random },
      );
    },
    close() {
      client?.close();
      client = undefined;
    },
  };
}
