import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { linkedAbort } from "../runtime/abort.ts";
import { retryUnavailable } from "../runtime/retry.ts";
import { type Channels, openChannels } from "../wire/channels.ts";
import type { Security } from "../wire/credentials.ts";

/** Calls to the brokers of one store that may all be repeated, and are while none can be reached. */
export interface Calls {
  /** As `callUnary`; CLOSED after `close`, BROKER_UNREACHABLE with the addresses and a hint once `retryMs` is over. */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: { readonly signal?: AbortSignal | undefined; readonly timeoutMs?: number | undefined },
  ): Promise<MessageShape<O>>;
  /** The same for anything that may be repeated: runs `work` until it succeeds, fails for good, or `retryMs` is over. */
  run<T>(
    what: string,
    work: (channels: Channels, signal: AbortSignal) => Promise<T>,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<T>;
  /** Aborts with CLOSED at `close`. */
  readonly closing: AbortSignal;
  /** Ends every call. */
  close(): void;
}

const timeoutMsDefault = 30_000;

export function createCalls(options: {
  readonly addresses: readonly string[];
  readonly security: Security;
  /** How long all brokers may be away before a call fails. */
  readonly retryMs: number;
  readonly random: () => number;
}): Calls {
  const { addresses } = options;
  const channels = openChannels(addresses, options);
  const closing = new AbortController();

  async function run<T>(
    what: string,
    work: (channels: Channels, signal: AbortSignal) => Promise<T>,
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<T> {
    if (closing.signal.aborted) throw closed();
    const { controller, release } = linkedAbort([signal, closing.signal]);
    try {
      return await retryUnavailable(() => work(channels, controller.signal), {
        signal: controller.signal,
        boundMs: options.retryMs,
        random: options.random,
        places: addresses.length,
      });
    } catch (error) {
      if (closing.signal.aborted) throw closed();
      if (signal?.aborted) throw abortedBy(signal, what);
      throw unreachable(error);
    } finally {
      release();
    }
  }

  function unreachable(error: unknown): unknown {
    if (!isConveyorError(error) || error.code !== "BROKER_UNREACHABLE") return error;
    const seconds = Math.round(options.retryMs / 1_000);
    return new ConveyorError(
      error.code,
      `no broker answered at ${addresses.join(" or ")} for ${seconds} s; is it running there ("conveyor serve")? ${error.message}`,
      { cause: error },
    );
  }

  return {
    call: (method, request, { signal, timeoutMs = timeoutMsDefault } = {}) =>
      run(method.name, (each, aborted) => each.call(method, request, { signal: aborted, timeoutMs }), { signal }),
    run,
    closing: closing.signal,
    close() {
      closing.abort(closed());
      channels.close();
    },
  };
}

/** The error of everything after `close`. */
export function closed(): ConveyorError {
  return new ConveyorError("CLOSED", "this client was closed; connect() makes a new one");
}

/** What a caller gets whose own signal came first. */
export function abortedBy(signal: AbortSignal, what: string): ConveyorError {
  return new ConveyorError("ABORTED", `${what} was aborted by its signal; what was sent may still have happened`, {
    cause: signal.reason,
  });
}
