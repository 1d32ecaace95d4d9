import { ConveyorError, isConveyorError } from "../../core/errors.ts";
import { sleep } from "../../runtime/abort.ts";
import { fullJitterMs } from "../../runtime/retry.ts";
import { refusedIn, rightsProblem } from "./check-rights.ts";
import { LostConnection, NotConnected } from "./client.ts";
import type { Connection, ScriptCall } from "./connection.ts";
import { shardPrefix } from "./keys.ts";
import type { ServerClient } from "./replication.ts";
import { isRead } from "./script-pieces.ts";
import type { Scripts } from "./scripts.ts";
import type { Servers } from "./servers.ts";
import { answerCode, isPassing, storageError, TooFewReplicas } from "./storage-error.ts";
import type { RedisSettings } from "./store-url.ts";

/** No new try of a call begins after this. */
const retryMsMax = 5_000;
const pauseMsMax = 400;

export interface OpenedConnection extends Connection {
  /** Sends a command of one key, or none, to the server of a shard: once, as it is now. */
  send(shard: number, command: string, ...args: readonly string[]): Promise<void>;
  /** What is under way fails; later calls throw CLOSED. */
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly settings: RedisSettings;
  readonly servers: Servers;
  readonly shards: number;
  readonly identity: string;
  readonly scripts: Scripts;
  /** Milliseconds since the epoch; only tests give one. */
  readonly clock?: (() => number) | undefined;
}

/** The connection to an opened namespace. */
export function connectionOver({
  settings,
  servers,
  shards,
  identity,
  scripts,
  clock,
}: ConnectionOptions): OpenedConnection {
  const { location, namespace } = settings;
  const closing = new AbortController();
  const probes = new WeakMap<ServerClient, Promise<void>>();
  let highWater = 0;

  function now(): string {
    if (clock === undefined) return "";
    highWater = Math.max(highWater, clock());
    return String(highWater);
  }

  /**
   * Comes before the first script on each connection; throws STORE_DENIED when its user may not do all that scripts do, since one
   * that is refused in its middle leaves half of its work.
   */
  function probed(client: ServerClient, prefix: string): Promise<void> {
    const known = probes.get(client);
    if (known !== undefined) return known;
    const probing = scripts.run(client, "probe", prefix, []).then((answer) => {
      const refused = refusedIn(Buffer.isBuffer(answer) ? answer : Buffer.alloc(0));
      if (refused.length === 0) return;
      client.close();
      throw rightsProblem(refused, namespace, location);
    });
    probes.set(client, probing);
    // Who asks next asks anew.
    probing.catch(() => probes.delete(client));
    return probing;
  }

  /** One try, on the server that has the shard by what is known. */
  async function attempt(call: ScriptCall, args: ScriptCall["args"], deadline: number): Promise<Buffer> {
    const prefix = shardPrefix(namespace, call.shard);
    const link = await servers.linkOf(tagOf(namespace, call.shard));
    // Not for as long as there is time: meanwhile another server may have taken its place.
    const client = await link.client(Math.min(deadline, performance.now() + pauseMsMax));
    try {
      if (call.script !== "probe") {
        await probed(client, prefix).catch((error: unknown) => {
          // The call itself was not sent yet.
          throw error instanceof LostConnection ? storageError(new NotConnected(error), location) : error;
        });
      }
      const reply = await scripts.run(client, call.script, prefix, [now(), ...args]);
      // Adopting shards acknowledges nothing: a broker starts as well while its replicas are away.
      if (settings.wait > 0 && !isRead(call.script) && call.script !== "adopt") {
        await client.replicated(`${prefix}meta`).catch((error: unknown) => {
          throw error instanceof TooFewReplicas ? error : new TooFewReplicas(`not asked: ${textOf(error)}`, error);
        });
      }
      if (!Buffer.isBuffer(reply)) throw new Error(`the script ${call.script} answered no text`);
      return reply;
    } catch (error) {
      // The server, or what its user may do, is not as it was: the checks are made again before anything more is sent to it.
      const said = error instanceof TooFewReplicas ? error.cause : error;
      if (["READONLY", "NOPERM"].includes(answerCode(said))) client.close();
      throw error;
    }
  }

  async function run(call: ScriptCall): Promise<Buffer> {
    const deadline = performance.now() + retryMsMax;
    let lost: LostConnection | TooFewReplicas | undefined;
    for (let failures = 0; ; failures += 1) {
      if (closing.signal.aborted) throw new ConveyorError("CLOSED", "the store is closed");
      try {
        return await attempt(call, lost === undefined ? call.args : (call.argsAgain?.() ?? call.args), deadline);
      } catch (error) {
        if (closing.signal.aborted) throw new ConveyorError("CLOSED", "the store is closed", { cause: error });
        const mayBeDone = error instanceof LostConnection || error instanceof TooFewReplicas;
        if (mayBeDone) lost = error;
        const pauseMs = fullJitterMs(failures, { maxMs: pauseMsMax, random: Math.random });
        const isOver = performance.now() + pauseMs > deadline;
        if (isOver || !(mayBeDone || isConveyorError(error) || isPassing(error))) {
          throw lost === undefined || isRead(call.script) ? refusal(error) : unknownOutcome(lost, error);
        }
        await Promise.all([servers.doubt(), sleep(pauseMs, closing.signal).catch(() => undefined)]);
      }
    }
  }

  /** What a server that was fine at start says of itself later passes, as far as a caller is concerned: it may be put right. */
  function refusal(error: unknown): unknown {
    const known = storageError(error, location);
    if (!(known instanceof ConveyorError) || passingOn.includes(known.code)) return known;
    return asUnavailable(known, known.message);
  }

  /** Whatever the last try was refused for, an earlier one may be done: only STORE_UNAVAILABLE leaves that open. */
  function unknownOutcome(lost: Error, last: unknown): ConveyorError {
    const known = storageError(lost, location);
    const more = last === lost ? "" : `. The last try: ${textOf(refusal(last))}`;
    return asUnavailable(known, `${textOf(known)}${more}`);
  }

  return {
    namespace,
    shards,
    identity,
    run,
    async send(shard, command, ...args) {
      const link = await servers.linkOf(tagOf(namespace, shard));
      await (await link.client(0)).call(command, ...args);
    },
    async close() {
      closing.abort();
      await servers.close();
    },
  };
}

const passingOn: readonly string[] = ["STORE_UNAVAILABLE", "STORE_FULL", "STORE_CORRUPT", "CLOSED"];

/** The hash tag of a shard's keys. */
function tagOf(namespace: string, shard: number): string {
  return shardPrefix(namespace, shard).slice(1, -2);
}

function asUnavailable(cause: unknown, message: string): ConveyorError {
  const details = cause instanceof ConveyorError ? cause.details : undefined;
  return new ConveyorError("STORE_UNAVAILABLE", message, { cause, ...(details === undefined ? {} : { details }) });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
