import type { Delivery } from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { ConveyorError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Clock } from "../runtime/clock.ts";
import { durationToMs } from "../wire/time.ts";
import { cancelled, lost, stopping, timedOut } from "./abort-reason.ts";
import { type AttemptEnd, failure, release, runAttempt, type WireOutcome } from "./attempt.ts";
import { createDeadlines } from "./deadlines.ts";
import type { HandledType } from "./handled-type.ts";
import { type HeldLease, heldLease, typeNameOf } from "./held-lease.ts";
import type { AttemptContext } from "./job-context.ts";

/** The handlers of a worker and the leases that they work on. */
export interface Slots {
  /** Every lease that is not acknowledged, by id, in the order of arrival. */
  readonly held: ReadonlyMap<string, HeldLease>;
  /** Leases that are neither ended nor dropped. */
  readonly liveCount: number;
  /** Handlers that may run at once: the concurrency, less the more runaways there are; 0 when they leave no room. */
  readonly room: number;
  /** Leases whose handlers run on although nobody waits for them. */
  readonly runaways: ReadonlySet<HeldLease>;
  /** Whether buffered leases may start. */
  open(): void;
  close(): void;
  take(deliveries: readonly Delivery[]): void;
  /** The broker wants this handler to stop; what it then throws is a failure. */
  cancel(leaseId: string, reason: string): void;
  /** The leases are no longer the worker's: aborts their handlers, whatever they give is dropped. */
  lose(leaseIds: Iterable<string>, why: string): void;
  acknowledge(leaseId: string): HeldLease | undefined;
  releaseBuffered(): void;
  /** Aborts what runs; what it throws is its release. */
  abortRunning(why: string): void;
  /** Releases what still runs; the handlers go on unwatched. */
  releaseRunning(): void;
  /** Stops the clock of time-outs. */
  end(): void;
}

export interface SlotsOptions {
  readonly concurrency: number;
  readonly clock: Clock;
  readonly typeOf: (name: string) => HandledType | undefined;
  readonly contextOf: (type: HandledType, delivery: Delivery) => AttemptContext;
  /** Leases that were named as buffered are about to start. */
  readonly onStarting: (leaseIds: readonly string[]) => void;
  /** A handler starts. */
  readonly onRun: (lease: HeldLease) => void;
  /** A handler failed. */
  readonly onFailure: (lease: HeldLease, error: unknown) => void;
  /** There are more runaways or fewer. */
  readonly onRoom: () => void;
  /** A lease has its result. `elapsedMs`: how long its handler ran, undefined when none did. */
  readonly onEnded: (lease: HeldLease, elapsedMs: number | undefined) => void;
}

/** Results that wait for their acknowledgement before no further handler starts. */
const unacknowledgedMax = 20_000;

/**
 * Runs at most `concurrency` handlers. One that is no longer waited for (its time is over, its lease lost, the worker stops)
 * frees its slot at once, but as long as `concurrency` of those still run, no further slot is freed: runaways are bounded.
 */
export function createSlots(options: SlotsOptions): Slots {
  const { concurrency, clock } = options;
  const held = new Map<string, HeldLease>();
  const runaways = new Set<HeldLease>();
  const deadlines = createDeadlines<HeldLease>(clock, expire);
  let buffer: HeldLease[] = [];
  let next = 0;
  let opened = false;
  let running = 0;
  let ended = 0;

  function take(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      if (held.has(delivery.leaseId)) continue;
      const lease = heldLease(delivery);
      held.set(lease.id, lease);
      // Twice the largest window is no window of ours: whatever sends so much gets it back.
      if (held.size - ended > 2 * limits.windowJobsMax) end(lease, release());
      else buffer.push(lease);
    }
    start();
  }

  function start(): void {
    if (!opened) return;
    const starting: HeldLease[] = [];
    const roomNow = ended >= unacknowledgedMax ? 0 : room();
    while (running + starting.length < roomNow && next < buffer.length) {
      const lease = buffer[next];
      next += 1;
      if (lease?.phase === "buffered") starting.push(lease);
    }
    if (next > 1_000 || next === buffer.length) {
      buffer = buffer.slice(next);
      next = 0;
    }
    if (starting.length === 0) return;
    const named = starting.filter((lease) => lease.named);
    if (named.length > 0) options.onStarting(named.map((lease) => lease.id));
    for (const lease of starting) run(lease);
  }

  function room(): number {
    return Math.min(concurrency, 2 * concurrency - runaways.size);
  }

  function run(lease: HeldLease): void {
    const { delivery } = lease;
    const type = options.typeOf(typeNameOf(delivery));
    if (type === undefined) {
      end(lease, release());
      return;
    }
    const context = options.contextOf(type, delivery);
    const startedAt = clock.elapsed();
    lease.phase = "running";
    lease.running = { context, startedAt, releasing: false };
    running += 1;
    options.onRun(lease);
    if (delivery.timeout !== undefined) deadlines.add(lease, startedAt + durationToMs(delivery.timeout));
    void runAttempt(type, delivery, context).then((ended) => finish(lease, ended));
  }

  function finish(lease: HeldLease, { outcome, error }: AttemptEnd): void {
    if (lease.phase === "running") {
      stopRunning(lease);
      const released = outcome.case === "failure" && lease.running?.releasing;
      if (error !== undefined && !released) options.onFailure(lease, error);
      end(lease, released ? release() : outcome);
    } else if (runaways.delete(lease)) {
      options.onRoom();
    }
    start();
  }

  /** Frees the slot of a handler that is not waited for any longer. */
  function abandon(lease: HeldLease, reason: ConveyorError): void {
    stopRunning(lease);
    runaways.add(lease);
    options.onRoom();
    lease.running?.context.finish();
    lease.running?.context.abort(reason);
  }

  function stopRunning(lease: HeldLease): void {
    running -= 1;
    lease.running?.context.close();
    deadlines.remove(lease);
  }

  function end(lease: HeldLease, outcome: WireOutcome): void {
    lease.phase = "ended";
    lease.result = { $typeName: "conveyor.v1.Result", leaseId: lease.id, outcome };
    ended += 1;
    options.onEnded(lease, lease.running && clock.elapsed() - lease.running.startedAt);
  }

  function expire(lease: HeldLease): void {
    if (lease.phase !== "running") return;
    const reason = timedOut(lease.delivery);
    abandon(lease, reason);
    options.onFailure(lease, reason);
    end(lease, failure(reason, { timedOut: true }));
    start();
  }

  function cancel(leaseId: string, reason: string): void {
    const lease = held.get(leaseId);
    if (lease?.phase === "buffered") end(lease, release());
    if (lease?.phase === "running") lease.running?.context.abort(cancelled(lease.delivery, reason));
  }

  function lose(leaseIds: Iterable<string>, why: string): void {
    for (const leaseId of leaseIds) {
      const lease = held.get(leaseId);
      if (lease === undefined || lease.phase === "ended") continue;
      const wasRunning = lease.phase === "running";
      lease.phase = "dropped";
      held.delete(leaseId);
      if (wasRunning) abandon(lease, lost(lease.delivery, why));
    }
    start();
  }

  function acknowledge(leaseId: string): HeldLease | undefined {
    const lease = held.get(leaseId);
    if (lease?.phase !== "ended") return undefined;
    held.delete(leaseId);
    ended -= 1;
    if (ended === unacknowledgedMax - 1) start();
    return lease;
  }

  function each(phase: HeldLease["phase"], action: (lease: HeldLease) => void): void {
    for (const lease of [...held.values()]) if (lease.phase === phase) action(lease);
  }

  return {
    held,
    runaways,
    get room() {
      return room();
    },
    get liveCount() {
      return held.size - ended;
    },
    open() {
      opened = true;
      start();
    },
    close() {
      opened = false;
    },
    take,
    cancel,
    lose,
    acknowledge,
    releaseBuffered: () => each("buffered", (lease) => end(lease, release())),
    abortRunning: (why) =>
      each("running", (lease) => {
        if (lease.running) lease.running.releasing = true;
        lease.running?.context.abort(stopping(lease.delivery, why));
      }),
    releaseRunning: () =>
      each("running", (lease) => {
        abandon(lease, stopping(lease.delivery, "it did not end in time"));
        end(lease, release());
      }),
    end: () => deadlines.clear(),
  };
}
