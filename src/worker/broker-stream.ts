import {
  type Hello,
  WorkerService,
  type WorkRequest,
  type WorkResponse,
} from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import type { Clock } from "../runtime/clock.ts";
import { deferred } from "../runtime/deferred.ts";
import { openChannel } from "../wire/channel.ts";
import type { Security } from "../wire/credentials.ts";
import { untilDecided } from "../wire/readiness.ts";
import { openFrameStream } from "../wire/stream.ts";
import { durationToMs } from "../wire/time.ts";

export type ClientFrame = WorkRequest["frame"];
export type ServerFrame = WorkResponse["frame"];

/** One stream to a broker, on a connection of its own: from its Hello to its end. */
export interface BrokerStream {
  send(frame: ClientFrame): void;
  /** Whether the transport has room. */
  readonly writable: boolean;
  /** Resolves when there is room again, or the stream has ended. */
  drained(): Promise<void>;
  /** Since the broker was last heard from, in ms, whoever is to blame. */
  readonly silentMs: number;
  /** It cuts itself off after so long a silence. */
  readonly watchdogMs: number;
  /** No more is sent; the broker ends the stream. */
  finish(): void;
  /** Ends it at once. */
  cut(reason: ConveyorError): void;
  /** Resolves when it has ended; undefined: the broker ended it well. */
  readonly ended: Promise<ConveyorError | undefined>;
}

export interface BrokerStreamOptions {
  readonly address: string;
  readonly security: Security;
  /** Without a connection in this time the stream ends with BROKER_UNREACHABLE. */
  readonly connectMsMax?: number;
  readonly clock: Clock;
  readonly hello: Hello;
  /** Every frame but Ping. */
  readonly onFrame: (frame: ServerFrame) => void;
  /** Made every few seconds, once there was a Welcome. */
  readonly heartbeat: (seq: bigint) => ClientFrame;
}

/** Until Welcome says otherwise. */
const defaultHeartbeatMs = 5_000;
const defaultWatchdogMs = 12_000;
const tickMs = 1_000;

/** Connects, says Hello, then sends heartbeats, and cuts itself off after `watchdog` of silence. */
export function openBrokerStream(options: BrokerStreamOptions): BrokerStream {
  const { clock } = options;
  const ended = deferred<ConveyorError | undefined>();
  const client = openChannel(options.address, { retries: false, security: options.security });
  let watchdogMs = defaultWatchdogMs;
  let heardAt = clock.elapsed();
  let lastAt = heardAt;
  let tickAt = heardAt + tickMs;
  let heartbeats = 0n;
  let heartbeatTimer: NodeJS.Timeout | undefined;
  const watchdogTimer = setInterval(watch, tickMs);

  const stream = openFrameStream(client, WorkerService.method.work, {
    onFrame({ frame }) {
      heardAt = clock.elapsed();
      lastAt = heardAt;
      if (frame.case === "ping" || frame.case === undefined) return;
      if (frame.case === "welcome") {
        const { heartbeatInterval, watchdog } = frame.value;
        if (watchdog) watchdogMs = durationToMs(watchdog) || defaultWatchdogMs;
        clearInterval(heartbeatTimer);
        heartbeatTimer = setInterval(
          beat,
          (heartbeatInterval && durationToMs(heartbeatInterval)) || defaultHeartbeatMs,
        );
      }
      options.onFrame(frame);
    },
    onClose(error) {
      clearInterval(watchdogTimer);
      clearInterval(heartbeatTimer);
      client.close();
      ended.resolve(error);
    },
  });
  send({ case: "hello", value: options.hello });
  if (options.connectMsMax !== undefined) {
    untilDecided(client, options.connectMsMax, undefined).catch((error: unknown) => stream.close(error));
  }

  function send(frame: ClientFrame): void {
    stream.send({ $typeName: "conveyor.v1.WorkRequest", frame });
  }

  function beat(): void {
    heartbeats += 1n;
    send(options.heartbeat(heartbeats));
  }

  function watch(): void {
    const now = clock.elapsed();
    // A handler that blocked the loop also kept frames from being read: that time is not the broker's silence.
    heardAt += Math.max(0, now - tickAt);
    tickAt = now + tickMs;
    if (now - heardAt > watchdogMs) {
      stream.close(new ConveyorError("BROKER_UNREACHABLE", `nothing was heard from the broker for ${watchdogMs} ms`));
    }
  }

  return {
    send,
    get writable() {
      return stream.writable;
    },
    drained: stream.drained,
    get silentMs() {
      return clock.elapsed() - lastAt;
    },
    get watchdogMs() {
      return watchdogMs;
    },
    finish: () => stream.close(),
    cut: (reason) => stream.close(reason),
    ended: ended.promise,
  };
}
