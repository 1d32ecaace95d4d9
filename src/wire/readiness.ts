import * as grpc from "@grpc/grpc-js";
import { ConveyorError } from "../core/errors.ts";

const { READY, TRANSIENT_FAILURE, SHUTDOWN } = grpc.connectivityState;

/** Whether a call on this channel goes out at once; begins to connect when it does not. */
export function isReady(client: grpc.Client): boolean {
  return stateOf(client) === READY;
}

/**
 * Resolves when a call on the channel goes out or fails at once; throws BROKER_UNREACHABLE when neither happens within `ms`, ABORTED
 * when the signal comes first.
 */
export function untilDecided(client: grpc.Client, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) throw abortedConnect(signal);
    const deadline = Date.now() + ms;
    const finish = (end: () => void) => {
      signal?.removeEventListener("abort", onAbort);
      end();
    };
    const onAbort = () => finish(() => reject(abortedConnect(signal)));
    const look = (late?: Error) => {
      const state = stateOf(client);
      if (late !== undefined) finish(() => reject(unreachable(client, late, ms)));
      else if (state === READY || state === TRANSIENT_FAILURE || state === SHUTDOWN) finish(resolve);
      else client.getChannel().watchConnectivityState(state, deadline, look);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    look();
  });
}

/** A closed channel throws in grpc-js. */
function stateOf(client: grpc.Client): grpc.connectivityState {
  try {
    return client.getChannel().getConnectivityState(true);
  } catch {
    return SHUTDOWN;
  }
}

function unreachable(client: grpc.Client, error: Error, ms: number): ConveyorError {
  const problem = `the broker cannot be reached: no connection to ${client.getChannel().getTarget()} within ${ms} ms`;
  return new ConveyorError("BROKER_UNREACHABLE", problem, { cause: error });
}

function abortedConnect(signal: AbortSignal | undefined): ConveyorError {
  return new ConveyorError("ABORTED", "the call was aborted before there was a connection", { cause: signal?.reason });
}
