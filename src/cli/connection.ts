import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type * as grpc from "@grpc/grpc-js";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { parseAddresses } from "../wire/addresses.ts";
import { openChannel } from "../wire/channel.ts";
import { type Credentials, securityOf } from "../wire/credentials.ts";
import { isReady, untilDecided } from "../wire/readiness.ts";
import { callUnary } from "../wire/unary.ts";
import { type ReflectedTypes, reflectedTypes } from "./reflected-types.ts";

interface CallOptions {
  /** The call fails with TIMED_OUT after this many ms. */
  readonly timeoutMs: number;
}

/** The broker at an address, or one of several, as the commands use it. */
export interface Broker {
  /** As it was given. */
  readonly address: string;
  /** One unary call; throws the broker's error, BROKER_UNREACHABLE or TIMED_OUT. */
  readonly call: <Input extends DescMessage, Output extends DescMessage>(
    method: DescMethodUnary<Input, Output>,
    request: MessageInitShape<Input>,
    options: CallOptions,
  ) => Promise<MessageShape<Output>>;
  /** The types that the broker knows, asked for by reflection as they are needed. */
  readonly types: ReflectedTypes;
  readonly close: () => void;
}

/** Whoever of several does not answer in this time is passed over. */
const connectMsMax = 3_000;

/**
 * A broker that is dialled with the first call, which asks for the credentials; of several the first that can be reached. Throws
 * INVALID_OPTION for an address that is none.
 */
export function connectBroker(address: string, credentials: () => Credentials): Broker {
  const places = parseAddresses(address);
  const clients: grpc.Client[] = [];
  let chosen: Promise<grpc.Client> | undefined;

  // No call is repeated at another broker: whether the first has done it, only the caller could find out.
  async function choose(): Promise<grpc.Client> {
    const security = securityOf(credentials(), places);
    for (const place of places) {
      const client = openChannel(place, { retries: true, security });
      clients.push(client);
      if (places.length === 1) return client;
      await untilDecided(client, connectMsMax, undefined).catch(() => undefined);
      if (isReady(client)) return client;
    }
    throw new ConveyorError("BROKER_UNREACHABLE", "none of them took a connection");
  }

  const client = () => {
    chosen ??= choose();
    return chosen;
  };
  const types = reflectedTypes(client);
  return {
    address: places.join(","),
    call: (method, request, options) =>
      atAddress(async () => callUnary(await client(), method, request, options), places.join(", ")),
    types: {
      find: (typeName) => atAddress(() => types.find(typeName), places.join(", ")),
    },
    close() {
      for (const each of clients) each.close();
    },
  };
}

/** What cannot be reached should say where it was looked for, and what to do. */
async function atAddress<Answer>(call: () => Promise<Answer>, address: string): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    if (!isConveyorError(error) || error.code !== "BROKER_UNREACHABLE") throw error;
    const message = `no broker answers at ${address}; start one with "conveyor serve", or name another by --address`;
    throw new ConveyorError("BROKER_UNREACHABLE", `${message} (${error.message})`, { cause: error });
  }
}
