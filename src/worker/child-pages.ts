import { WorkerService } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { retryUnavailable } from "../runtime/retry.ts";
import { type Channels, openChannels } from "../wire/channels.ts";
import type { Security } from "../wire/credentials.ts";
import type { ListChildren } from "./child-reader.ts";

const pageTimeoutMs = 30_000;

/** Pages of children from the broker, on channels that are opened at the first call: only heirs need it. */
export function createChildPages(options: {
  readonly addresses: readonly string[];
  readonly security: Security;
  readonly random: () => number;
}): {
  readonly list: ListChildren;
  close(): void;
} {
  const { addresses, random } = options;
  let opened: Channels | undefined;
  return {
    list(request, signal) {
      opened ??= openChannels(addresses, options);
      const channels = opened;
      // The attempt's own time-out aborts the signal: no other bound is needed.
      return retryUnavailable(
        () => channels.call(WorkerService.method.listChildResults, request, { signal, timeoutMs: pageTimeoutMs }),
        { signal, boundMs: Number.POSITIVE_INFINITY, random, places: addresses.length },
      );
    },
    close() {
      opened?.close();
      opened = undefined;
    },
  };
}
