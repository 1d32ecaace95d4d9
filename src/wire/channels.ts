import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type * as grpc from "@grpc/grpc-js";
import { ConveyorError, errorStatus, isConveyorError } from "../core/errors.ts";
import { openChannel } from "./channel.ts";
import type { Security } from "./credentials.ts";
import { isReady, untilDecided } from "./readiness.ts";
import { type CallOptions, callUnary } from "./unary.ts";

/** Connections to several brokers of one store, as if they were one broker. */
export interface Channels {
  /**
   * As `callUnary`, one try. All calls go to one broker for about a minute, so that they share its batches; a failure that passes
   * moves them on to the next.
   */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethodUnary<I, O>,
    request: MessageInitShape<I>,
    options?: CallOptions,
  ): Promise<MessageShape<O>>;
  /** The broker whose turn it is, for a stream. */
  place(signal?: AbortSignal): Promise<Place>;
  close(): void;
}

/** One of the brokers, for something that lasts. */
export interface Place {
  readonly client: grpc.Client;
  /** It is still this broker's turn. */
  readonly current: boolean;
  /** What was begun there has failed: after a failure that passes it is another broker's turn. */
  failed(error: unknown): void;
}

/** Whoever does not answer a connection attempt in this time is passed over. */
const connectMsMax = 3_000;
/** After this time another broker has its turn: else those that were restarted would stay without clients. */
const turnMs = 60_000;

/** Opens a channel to each of `addresses` at its first call, beginning with any of them. */
export function openChannels(
  addresses: readonly string[],
  options: { readonly security?: Security | undefined; readonly random: () => number },
): Channels {
  const { security, random } = options;
  const clients = new Map<number, grpc.Client>();
  let at = Math.floor(random() * addresses.length);
  let turnEndsAt = turnEnd();
  let closed = false;

  function turnEnd(): number {
    return performance.now() + turnMs * (0.5 + random());
  }

  function moveOn(): void {
    at = (at + 1) % addresses.length;
    turnEndsAt = turnEnd();
  }

  function clientAt(index: number): grpc.Client {
    if (closed) throw new ConveyorError("CLOSED", "the connection to the broker has been closed");
    const known = clients.get(index);
    if (known !== undefined) return known;
    const client = openChannel(addresses[index] ?? "", { retries: false, security });
    clients.set(index, client);
    return client;
  }

  function current(): number {
    if (addresses.length > 1 && performance.now() > turnEndsAt) moveOn();
    return at;
  }

  /** Of many that fail together only the first moves on. */
  function failedAt(index: number, error: unknown): void {
    if (index === at && mayDoBetter(error)) moveOn();
  }

  async function reach<T>(
    signal: AbortSignal | undefined,
    use: (client: grpc.Client, index: number) => T,
  ): Promise<Awaited<T>> {
    const index = current();
    try {
      const client = clientAt(index);
      if (addresses.length > 1 && !isReady(client)) await untilDecided(client, connectMsMax, signal);
      return await use(client, index);
    } catch (error) {
      failedAt(index, error);
      throw error;
    }
  }

  return {
    call: (method, request, callOptions = {}) =>
      reach(callOptions.signal, (client) => callUnary(client, method, request, callOptions)),
    place: (signal) =>
      reach(signal, (client, index) => ({
        client,
        get current() {
          return current() === index;
        },
        failed: (error) => failedAt(index, error),
      })),
    close() {
      closed = true;
      for (const client of clients.values()) client.close();
    },
  };
}

/** Whether another broker may answer what this one did not. */
function mayDoBetter(error: unknown): boolean {
  if (!isConveyorError(error)) return false;
  return errorStatus[error.code] === "UNAVAILABLE" || error.code === "SERVER_BUSY" || error.code === "TIMED_OUT";
}
