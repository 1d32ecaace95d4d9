import { Redis } from "ioredis";
import { within } from "../../runtime/abort.ts";
import { deferred } from "../../runtime/deferred.ts";
import type { Endpoint, RedisSettings } from "./store-url.ts";

/** What a command takes; texts travel as UTF-8. */
export type Argument = string | number | Uint8Array;
/** What a command answers: integers as numbers, everything else as bytes. */
export type Reply = null | number | Uint8Array | readonly Reply[];

/** One connection from its handshake to its end. It never connects again and never sends anything twice. */
export interface Client {
  readonly isOpen: boolean;
  /** Throws what the server answered, or LostConnection when no answer came: then the command may have been executed. */
  call(command: string, ...args: readonly Argument[]): Promise<Reply>;
  /** Resolves when the connection has ended, for whatever reason. */
  readonly ended: Promise<void>;
  /** Ends it at once; what is under way fails. */
  close(): void;
}

/** The connection ended, or was given up, before the answer came. */
export class LostConnection extends Error {
  override readonly name = "LostConnection";
}

/** There is no connection; the cause says why. */
export class NotConnected extends Error {
  override readonly name = "NotConnected";
  /** Of the system or of TLS; empty: the server, or what it is, said something. */
  readonly code: string;

  constructor(cause: unknown) {
    super(cause instanceof Error && cause.message !== "" ? cause.message : String(cause), { cause });
    this.code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
  }
}

/** A command that takes longer has failed, and its connection with it: answers of a server that hangs may never come. */
const commandMsMax = 5_000;
const keepAliveMs = 10_000;

/** Connects, authenticates and selects the database; throws the first thing that went wrong. `subscriber`: hears of messages. */
export async function openClient(
  endpoint: Endpoint,
  settings: RedisSettings,
  subscriber?: (message: string) => void,
): Promise<Client> {
  const { host, port } = endpoint;
  const redis = new Redis({
    host,
    port,
    db: settings.db,
    lazyConnect: true,
    protocol: 2,
    connectionName: "conveyor",
    disableClientInfo: true,
    connectTimeout: settings.connectMs,
    commandTimeout: commandMsMax,
    keepAlive: keepAliveMs,
    enableOfflineQueue: false,
    enableReadyCheck: false,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    retryStrategy: null,
    disconnectTimeout: 0,
    ...(settings.user === undefined ? {} : { username: settings.user }),
    ...(settings.password === undefined ? {} : { password: settings.password }),
    ...(settings.tls === undefined ? {} : { tls: { ...serverName(host), ...settings.tls } }),
  });
  const ended = deferred<void>();
  let cause: unknown;
  redis.on("error", (error) => {
    cause ??= error;
  });
  redis.once("end", () => ended.resolve());
  if (subscriber !== undefined) redis.on("message", (_channel, message) => subscriber(message));
  let isClosed = false;
  // Once: each further time would leave one more listener on the socket.
  function close(): void {
    if (!isClosed) redis.disconnect();
    isClosed = true;
  }
  try {
    const connecting = redis.connect();
    const isInTime = await within(connecting, settings.connectMs);
    if (!isInTime) throw new Error("it accepts connections, but the answer timed out");
    await connecting;
    // A database that cannot be selected is told so too, and then the connection goes on with another.
    if (cause !== undefined) throw cause;
  } catch (error) {
    close();
    const reason = cause ?? error;
    throw isReplyError(reason) ? reason : new NotConnected(reason);
  }

  async function call(command: string, ...args: readonly Argument[]): Promise<Reply> {
    try {
      // ioredis answers what its parser made: null, numbers, Buffers and lists of these.
      return (await redis.callBuffer(command, ...args.map(sendable))) as Reply;
    } catch (error) {
      if (isReplyError(error)) throw error;
      close();
      throw new LostConnection(cause instanceof Error ? cause.message : messageOf(error), { cause: error });
    }
  }

  return {
    get isOpen() {
      return redis.status === "ready";
    },
    call,
    ended: ended.promise,
    close,
  };
}

/** A connection, without checks, to the first server of the URL that can be reached. */
export async function openAny(settings: RedisSettings, subscriber: (message: string) => void): Promise<Client> {
  let failure: unknown = new LostConnection("no server is named");
  for (const endpoint of settings.endpoints) {
    try {
      return await openClient(endpoint, settings, subscriber);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

/** An address is no name that a certificate is asked for. */
function serverName(host: string): { readonly servername?: string } {
  return /^[\d.]+$|:/.test(host) ? {} : { servername: host };
}

function sendable(argument: Argument): string | number | Buffer {
  if (!(argument instanceof Uint8Array)) return argument;
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
}

/** Whether the server itself said so. */
export function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === "ReplyError";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
