import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type * as grpc from "@grpc/grpc-js";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { openChannel, withPort } from "../wire/channel.ts";
import { type Credentials, securityOf } from "../wire/credentials.ts";
import { callUnary } from "../wire/unary.ts";
import { type ReflectedTypes, reflectedTypes } from "./reflected-types.ts";

interface CallOptions {
  /** The call fails with TIMED_OUT after this many ms. */
  readonly timeoutMs: number;
}

/** The broker at an address, as the commands use it. */
export interface Broker {
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

/** A broker that is dialled with the first call, which asks for the credentials. Throws INVALID_OPTION for an address that is none. */
export function connectBroker(address: string, credentials: () => Credentials): Broker {
  const place = withPort(address);
  let opened: grpc.Client | undefined;
  const client = () => {
    opened ??= openChannel(place, { retries: true, security: securityOf(credentials(), [place]) });
    return opened;
  };
  const types = reflectedTypes(client);
  return {
    address: place,
    call: async (method, request, options) => atAddress(callUnary(client(), method, request, options), place),
    types: {
      find: async (typeName) => atAddress(types.find(typeName), place),
    },
    close: () => opened?.close(),
  };
}

/** What cannot be reached should say where it was looked for, and what to do. */
async function atAddress<Answer>(call: Promise<Answer>, address: string): Promise<Answer> {
  try {
    return await call;
  } catch (error) {
    if (!isConveyorError(error) || error.code !== "BROKER_UNREACHABLE") throw error;
    const message = `no broker answers at ${address}; start one with "conveyor serve", or name another by --address`;
    throw new ConveyorError("BROKER_UNREACHABLE", `${message} (${error.message})`, { cause: error });
  }
}
