import { DrainReason, type ResultAck, type StageAck, type Welcome } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { sleep } from "../runtime/abort.ts";
import type { Clock } from "../runtime/clock.ts";
import { fullJitterMs } from "../runtime/retry.ts";
import type { Security } from "../wire/credentials.ts";
import { fromRpcStatus } from "../wire/error-status.ts";
import { type BrokerStream, openBrokerStream, type ServerFrame } from "./broker-stream.ts";
import type { Cargo } from "./cargo.ts";
import { createDeparture } from "./departure.ts";
import type { LineState } from "./health.ts";
import { attemptOf } from "./held-lease.ts";
import { heartbeatFrame, helloOf, type WorkerIdentity } from "./hello.ts";
import type { Hooks } from "./hooks.ts";
import { isFinal } from "./refusal.ts";
import { createSender } from "./sender.ts";
import type { Slots } from "./slots.ts";
import { createStall } from "./stall.ts";
import type { Window } from "./window.ts";

/** A worker's registration with a broker, over as many streams as it takes. */
export interface Session {
  /** Resolves after a stop, rejects when the broker refuses the worker for good. */
  run(): Promise<void>;
  /** Ends what runs, or releases it by the deadline, and says goodbye. */
  stop(deadlineMs: number): Promise<void>;
  /** Something waits in the cargo. */
  cargoReady(): void;
  /** Handlers have more room or less. */
  roomChanged(): void;
  /** Leases that were named as buffered start now. */
  starting(leaseIds: readonly string[]): void;
  /** The connection, for whoever asks how the worker is. */
  readonly line: LineState;
}

export interface SessionOptions {
  /** Of brokers of one store: each stream goes to the next one. */
  readonly addresses: readonly string[];
  readonly security: Security;
  readonly identity: WorkerIdentity;
  readonly clock: Clock;
  readonly random: () => number;
  readonly hooks: Hooks;
  readonly slots: Slots;
  readonly cargo: Cargo;
  readonly onStageAck: (ack: StageAck) => void;
  readonly window: Window;
  /** The broker wants the worker to finish what runs and to leave. */
  readonly onDismissed: () => void;
}

const backoffMsMax = 30_000;
/** With leases in hand every second counts: the broker waits for the rest of the time to live only. */
const backoffHoldingMsMax = 2_000;
/** A stream that lived so long was a good one: the next failure is a first one. */
const soundMs = 10_000;
/** A resume whose Welcome was never seen can still arrive and supersede our newer stream. */
const strayResumeMs = 30_000;
/** Where there are others, a broker that does not answer a connection attempt in this time is passed over. */
const connectMsMax = 3_000;

/** connecting -> welcomed -> (disconnected -> connecting …) -> stopping -> over. Results stay in `slots.held` until acknowledged. */
export function createSession(options: SessionOptions): Session {
  const { clock, slots, cargo, hooks, window } = options;
  const { addresses } = options;
  const over = new AbortController();
  let place = Math.floor(options.random() * addresses.length);
  let sessionId = "";
  let stream: BrokerStream | undefined;
  let welcomedAt: number | undefined;
  let strayResumeAt = Number.NEGATIVE_INFINITY;
  let receivedThrough = 0n;
  let windowSent = 0;
  let windowSeq = 0n;
  let windowApplied = 0n;
  /** The broker is about to stop, and there are others: the next stream is opened at once. */
  let moving = false;
  const sender = createSender({ cargo, stream: () => (connected() ? stream : undefined), onSent: resize });
  const stall = createStall({ hooks, slots, isLeaving: () => departure.begun, onRoom: resize });
  const departure = createDeparture({
    clock,
    hooks,
    slots,
    line: {
      get stream() {
        return stream;
      },
      get welcomed() {
        return welcomedAt !== undefined;
      },
      get silent() {
        return !connected() || windowApplied >= windowSeq;
      },
      over: over.signal,
      closeWindow() {
        if (connected()) sendWindow(0);
      },
      end: () => over.abort(),
    },
  });

  async function run(): Promise<void> {
    try {
      await keepConnected();
    } finally {
      over.abort();
      departure.notify();
    }
  }

  async function keepConnected(): Promise<void> {
    for (let failures = 0; !over.signal.aborted; failures += 1) {
      hooks.state("connecting");
      const error = await connect();
      if (over.signal.aborted) break;
      if (welcomedAt !== undefined && clock.elapsed() - welcomedAt > soundMs) failures = 0;
      if (error && isFinal(error, welcomedAt !== undefined)) throw refused(error);
      if (error?.code === "SESSION_SUPERSEDED") superseded();
      if (departure.begun && slots.held.size === 0) break;
      hooks.state("disconnected");
      if (welcomedAt !== undefined) hooks.tell("onDisconnected", error);
      if (error && !moving) hooks.error(error, { kind: "connection" });
      const maxMs = slots.liveCount > 0 ? backoffHoldingMsMax : backoffMsMax;
      place = (place + 1) % addresses.length;
      if (moving) continue;
      const rounds = Math.floor(failures / addresses.length);
      await sleep(fullJitterMs(rounds, { maxMs, random: options.random }), over.signal).catch(() => undefined);
    }
  }

  /** One stream from its Hello to its end. */
  async function connect(): Promise<ConveyorError | undefined> {
    receivedThrough = 0n;
    welcomedAt = undefined;
    moving = false;
    windowSeq = 1n;
    windowApplied = 0n;
    windowSent = wanted();
    const opened = openBrokerStream({
      address: addresses[place] ?? "",
      ...(addresses.length > 1 && { connectMsMax }),
      security: options.security,
      clock,
      hello: helloOf(options.identity, { sessionId, held: slots.held, window: windowSent, now: clock.elapsed() }),
      onFrame,
      heartbeat: (seq) => heartbeatFrame({ seq, receivedThrough, held: slots.held }),
    });
    stream = opened;
    const error = await opened.ended;
    stream = undefined;
    slots.close();
    if (welcomedAt === undefined && sessionId !== "") strayResumeAt = clock.elapsed();
    departure.notify();
    return error;
  }

  function onFrame(frame: ServerFrame): void {
    switch (frame.case) {
      case "welcome":
        welcome(frame.value);
        break;
      case "deliveries":
        receivedThrough = frame.value.seq;
        slots.take(frame.value.deliveries);
        if (wanted() === 0) slots.releaseBuffered();
        break;
      case "resultAcks":
        for (const ack of frame.value.acks) acknowledged(ack);
        break;
      case "stageAcks":
        for (const ack of frame.value.acks) options.onStageAck(ack);
        break;
      case "capacityApplied":
        windowApplied = frame.value.seq;
        break;
      case "cancelRequests":
        for (const { leaseId, reason } of frame.value.requests) slots.cancel(leaseId, reason);
        break;
      case "leasesLost":
        slots.lose(frame.value.leaseIds, "the broker took it back");
        break;
      case "drain":
        drain(frame.value.reason);
        break;
      default: // frames of a newer broker
    }
    departure.notify();
  }

  /** With nowhere else to go, the stream is used to its end. */
  function drain(reason: DrainReason): void {
    if (reason === DrainReason.WORKER_LEAVING) options.onDismissed();
    else if (addresses.length > 1 && !departure.begun) {
      moving = true;
      stream?.cut(new ConveyorError("DRAINING", `the broker at ${addresses[place]} stops`));
    }
  }

  function welcome(frame: Welcome): void {
    if (welcomedAt !== undefined) return;
    welcomedAt = clock.elapsed();
    const kept = new Set(frame.sessionReplaced || frame.sessionId !== sessionId ? [] : frame.keptLeaseIds);
    slots.lose(
      [...slots.held.keys()].filter((id) => !kept.has(id)),
      "the broker gave it away while the connection was down",
    );
    sessionId = frame.sessionId;
    cargo.restart([...slots.held.values()].flatMap(({ result }) => (result === undefined ? [] : [result])));
    if (departure.begun) {
      slots.releaseBuffered();
      sendWindow(0); // the window of Hello is not confirmed
    } else {
      slots.open();
      hooks.state("connected");
      hooks.tell("onConnected", { address: addresses[place] ?? "", sessionId });
    }
    sender.flush();
  }

  function acknowledged(ack: ResultAck): void {
    const lease = slots.acknowledge(ack.leaseId);
    if (lease === undefined || ack.error === undefined) return;
    hooks.error(fromRpcStatus(ack.error), { kind: "result", ...attemptOf(lease.delivery) });
  }

  function connected(): boolean {
    return stream !== undefined && welcomedAt !== undefined;
  }

  function wanted(): number {
    return departure.begun ? 0 : Math.ceil((window.size * slots.room) / options.identity.concurrency);
  }

  function sendWindow(jobs: number): void {
    windowSent = jobs;
    windowSeq += 1n;
    const value = { seq: windowSeq, maxInFlight: jobs, maxBytes: options.identity.windowBytesMax };
    stream?.send({ case: "capacity", value: { $typeName: "conveyor.v1.Capacity", ...value } });
  }

  function resize(): void {
    if (connected() && wanted() !== windowSent) sendWindow(wanted());
  }

  function starting(leaseIds: readonly string[]): void {
    stream?.send({ case: "started", value: { $typeName: "conveyor.v1.Started", leaseIds: [...leaseIds] } });
  }

  /** Another process took the session over, or the broker gave it up; unless it was our own older stream, arriving late. */
  function superseded(): void {
    if (clock.elapsed() - strayResumeAt < strayResumeMs) {
      strayResumeAt = Number.NEGATIVE_INFINITY;
      return;
    }
    sessionId = "";
    slots.lose([...slots.held.keys()], "the session was taken over or had expired");
  }

  function refused(error: ConveyorError): ConveyorError {
    slots.lose([...slots.held.keys()], "the broker refused the worker");
    return new ConveyorError(error.code, `the broker at ${addresses[place]} refuses this worker: ${error.message}`, {
      cause: error,
      details: error.details,
    });
  }

  function line(): LineState {
    const current = connected() ? stream : undefined;
    return {
      address: stream && addresses[place],
      sessionId: current && sessionId,
      silentMs: current?.silentMs,
      watchdogMs: current?.watchdogMs ?? 0,
    };
  }

  return {
    run,
    stop: departure.leave,
    cargoReady: sender.ready,
    roomChanged: stall.roomChanged,
    starting,
    get line() {
      return line();
    },
  };
}
