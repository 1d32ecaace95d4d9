import type { WorkRequest, WorkResponse } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import type { EndReason, Outcome } from "../../core/job.ts";
import type { LeaseId } from "../../core/names.ts";
import { aborted } from "../../runtime/abort.ts";
import type { Lease, SessionRef } from "../../store/store.ts";
import type { WorkerHello } from "../../wire/hello.ts";
import { invalidField } from "../../wire/invalid-field.ts";
import { leaseIdsFromWire } from "../../wire/lease-id.ts";
import { leaseToDelivery } from "../../wire/lease-to-delivery.ts";
import type { FrameStream } from "../../wire/stream.ts";
import { heartbeatFromWire, type WorkerReport, windowFromWire } from "../../wire/window.ts";
import type { Claimant, Subscription } from "../dispatcher.ts";
import { createHeldLeases, type HeldLease } from "./held-leases.ts";
import { createOutbox } from "./outbox.ts";
import { overdue } from "./overdue.ts";
import { reconcile } from "./reconcile.ts";
import { createRenewer } from "./renewer.ts";
import { createResultDesk } from "./result-desk.ts";
import type { Departure, Reopened, SessionContext } from "./session-context.ts";
import { settleUntilDurable } from "./settler.ts";

/** A session with its stream: open -> closed. What outlives the stream is in the store alone. */
export interface Session extends Claimant {
  /** A frame after Hello; throws FRAME_INVALID or FRAME_OUT_OF_ORDER, which ends the stream. */
  onFrame(frame: WorkRequest): void;
  cancel(requests: readonly { readonly leaseId: LeaseId; readonly reason: EndReason }[]): void;
  /** The store gave these leases to nobody: the worker must let go. */
  taken(leaseIds: readonly LeaseId[]): void;
  /** The broker is about to stop. */
  drain(): void;
  /** The stream has closed; by itself, or because of `drain` and the like. */
  onClose(): void;
}

export interface SessionOptions {
  readonly ref: SessionRef;
  readonly principal: string;
  readonly hello: WorkerHello;
  /** What a resume found; undefined for a new session. */
  readonly reopened: Reopened | undefined;
  readonly stream: FrameStream<WorkResponse>;
  readonly context: SessionContext;
}

export function createSession(options: SessionOptions): Session {
  const { ref, hello, stream, context } = options;
  const { committer, dispatcher, intervals, clock, logger } = context;
  const over = new AbortController();
  const outbox = createOutbox(stream);
  const leases = createHeldLeases();
  const subscriptions = hello.subscriptions.map(
    (each): Subscription => ({
      queue: each.queue,
      lanes: each.types.map((type) => context.board.subscribe({ queue: each.queue, type })),
      jobsMax: each.jobsMax,
      inFlight: 0,
    }),
  );
  const heldAtStart = new Map(hello.resume?.held.map((held) => [held.leaseId, held]));
  const desk = createResultDesk({ principal: options.principal, outbox, context, signal: over.signal, onRoom: read });
  const renewer = createRenewer({
    ref,
    ttlMs: intervals.sessionTtlMs,
    buffered: [...heldAtStart.values()].flatMap((held) => (held.buffered ? [held.leaseId] : [])),
    committer,
    onGone: superseded,
  });
  const ticker = setInterval(tick, intervals.tickMs);
  /** Cancels of leases whose claim has been committed but not answered yet. */
  const early = new Map<LeaseId, EndReason>();
  let window = hello.window;
  let windowsToApply: bigint[] = [];
  let claiming = false;
  /** How the stream ended; undefined while it is open. */
  let departure: Departure | undefined;
  let silentTicks = 0;
  let ticks = 0;
  let tickedAt = clock.elapsed();

  for (const kept of options.reopened?.kept ?? []) {
    const held = heldAtStart.get(kept.leaseId);
    const elapsedMs = Math.min(held?.elapsedMs ?? 0, kept.sinceClaimMs);
    leases.add({
      leaseId: kept.leaseId,
      jobId: kept.jobId,
      type: kept.type,
      queue: kept.queue,
      bytes: kept.payloadBytes,
      timeoutMs: kept.timeoutMs,
      seq: 0,
      subscription: subscriptionOf(kept),
      startedAt: held?.buffered === true ? undefined : clock.elapsed() - elapsedMs,
      cancelAt: undefined,
    });
  }

  function room(): { readonly jobs: number; readonly bytes: number } {
    if (!stream.writable) return { jobs: 0, bytes: 0 };
    return { jobs: window.jobsMax - leases.jobs, bytes: window.bytesMax - leases.bytes };
  }

  function want(): void {
    if (claiming || departure !== undefined) return;
    const { jobs, bytes } = room();
    if (jobs > 0 && bytes > 0) dispatcher.want(session);
  }

  function deliver(claimed: readonly Lease[]): void {
    if (departure !== undefined) {
      // Nobody has seen them: they go back free before the resume grace would count them as crashes.
      for (const lease of claimed) void settle(lease.leaseId, { kind: "release" }, context.signal);
      return;
    }
    const now = clock.elapsed();
    for (const lease of claimed) {
      outbox.deliver(leaseToDelivery(lease));
      leases.add({
        leaseId: lease.leaseId,
        jobId: lease.jobId,
        type: lease.payload.type,
        queue: lease.queue,
        bytes: lease.payload.bytes.length,
        timeoutMs: lease.timeoutMs,
        seq: outbox.delivered,
        subscription: subscriptionOf({ queue: lease.queue, type: lease.payload.type }),
        startedAt: now,
        cancelAt: undefined,
      });
    }
    outbox.flushDeliveries();
    if (!stream.writable) void stream.drained().then(want);
    const cancels = claimed.flatMap(({ leaseId }) => {
      const reason = early.get(leaseId);
      return reason === undefined ? [] : [{ leaseId, reason }];
    });
    if (cancels.length > 0) cancel(cancels);
  }

  function cancel(requests: readonly { readonly leaseId: LeaseId; readonly reason: EndReason }[]): void {
    const known = requests.filter(({ leaseId, reason }) => {
      const lease = leases.get(leaseId);
      if (lease === undefined && claiming) early.set(leaseId, reason);
      if (lease === undefined || lease.cancelAt !== undefined) return false;
      lease.cancelAt = clock.elapsed() + intervals.cancelGraceMs;
      return true;
    });
    if (known.length > 0) outbox.cancel(known, intervals.cancelGraceMs);
  }

  function onFrame(frame: WorkRequest): void {
    if (departure !== undefined) return; // what comes after a goodbye
    silentTicks = 0;
    const { frame: said } = frame;
    switch (said.case) {
      case "hello":
        throw new ConveyorError("FRAME_OUT_OF_ORDER", "hello: only the first frame of a stream is a Hello");
      case "capacity":
        window = windowFromWire(said.value);
        if (claiming) windowsToApply.push(window.seq);
        else outbox.capacityApplied(window.seq);
        want();
        return;
      case "started":
        started(leaseIdsFromWire(said.value.leaseIds, "started.lease_ids"));
        return;
      case "results":
        for (const lease of desk.take(said.value.results, leases)) dispatcher.freed(lease.queue);
        want();
        read();
        return;
      case "heartbeat":
        heard(heartbeatFromWire(said.value));
        return;
      case "goodbye":
        leave("goodbye");
        void goodbye();
        return;
      case undefined: // a frame of a newer version
        return;
      default:
        said satisfies never;
    }
  }

  function heard(report: WorkerReport): void {
    if (report.receivedThrough > BigInt(outbox.delivered)) {
      const problem = `${outbox.delivered} jobs were delivered, got ${report.receivedThrough}`;
      throw invalidField("FRAME_INVALID", "heartbeat.received_through", problem);
    }
    for (const lease of reconcile(leases, report, clock.elapsed())) take(lease, { kind: "release" });
    renewer.report(report.buffered);
    want();
  }

  /** Reads on, unless the peer takes no answers or the store takes no results: then it feels that by flow control. */
  function read(): void {
    if (desk.full) stream.pause();
    else if (stream.writable || stream.closed) stream.resume();
    else {
      stream.pause();
      void stream.drained().then(read);
    }
  }

  function started(leaseIds: readonly LeaseId[]): void {
    const now = clock.elapsed();
    for (const leaseId of leaseIds) {
      const lease = leases.get(leaseId);
      if (lease !== undefined) lease.startedAt ??= now;
    }
    renewer.started(leaseIds);
  }

  /** Takes a lease from the worker; its slot is free at once, and it is told once that is durable. */
  function take(lease: HeldLease, outcome: Outcome): void {
    leases.remove(lease.leaseId);
    void settle(lease.leaseId, outcome, over.signal).then(() => {
      dispatcher.freed(lease.queue);
      if (outcome.kind !== "release" && !stream.closed) outbox.lost([lease.leaseId]);
    });
  }

  function settle(leaseId: LeaseId, outcome: Outcome, signal: AbortSignal): Promise<unknown> {
    const item = { leaseId, outcome, sent: outcome.kind, jitter: context.ids.random() };
    return settleUntilDurable(item, { committer, signal, logger });
  }

  function tick(): void {
    const now = clock.elapsed();
    // A stall of this process is no silence of the worker, and what it sent meanwhile is read first.
    const stalled = now - tickedAt > 3 * intervals.tickMs;
    tickedAt = now;
    ticks += 1;
    if (stalled) return;
    silentTicks += 1;
    if (silentTicks * intervals.tickMs >= intervals.watchdogMs) {
      leave("silence");
      stream.close(
        new ConveyorError("TIMED_OUT", `no frame arrived within ${intervals.watchdogMs} ms; open a new stream`),
      );
      return;
    }
    if (ticks % Math.max(1, Math.round(intervals.heartbeatMs / intervals.tickMs)) === 0) outbox.ping();
    const late = overdue(leases, now, intervals.timeoutGraceMs);
    for (const lease of late.cancelled) take(lease, { kind: "cancel", message: "its handler did not stop in time" });
    for (const lease of late.timedOut) {
      const message = `no result within its time-out of ${lease.timeoutMs} ms`;
      take(lease, { kind: "failure", error: { name: "TIMED_OUT", message, stack: "" }, timedOut: true });
    }
    if (late.cancelled.length + late.timedOut.length > 0) want();
  }

  function superseded(): void {
    if (departure !== undefined) return;
    leave("superseded");
    stream.close(
      new ConveyorError("SESSION_SUPERSEDED", "the session has a newer stream or has ended; begin a new session"),
    );
  }

  /** The one way out: nothing is claimed, sent or taken from here on. */
  function leave(why: Departure): void {
    if (departure !== undefined) return;
    departure = why;
    clearInterval(ticker);
    dispatcher.leave(session);
    for (const { lanes } of subscriptions) for (const { lane } of lanes) context.board.unsubscribe(lane);
    context.table.remove(session);
    if (why !== "goodbye") over.abort(aborted("the stream has closed"));
  }

  /** Results that came before the goodbye count; what is still held then goes back. */
  async function goodbye(): Promise<void> {
    await desk.idle();
    over.abort(aborted("the worker said goodbye"));
    await context.departures.close(ref);
    stream.close();
  }

  function onClose(): void {
    leave("reset");
    over.abort(aborted("the stream has closed"));
    if (departure === "reset") void context.departures.detach(ref);
    logger.info("session left", { sessionId: ref.sessionId, worker: hello.worker, why: departure, held: leases.jobs });
  }

  function subscriptionOf(job: { readonly queue: string; readonly type: string }): Subscription | undefined {
    return subscriptions.find(
      ({ queue, lanes }) => queue === job.queue && lanes.some(({ lane }) => lane.type === job.type),
    );
  }

  const session: Session = {
    ref,
    subscriptions,
    room,
    deliver,
    claiming() {
      claiming = true;
    },
    claimed() {
      claiming = false;
      early.clear();
      for (const seq of windowsToApply) outbox.capacityApplied(seq);
      windowsToApply = [];
      want();
    },
    superseded,
    onFrame,
    cancel,
    taken(leaseIds) {
      for (const leaseId of leaseIds) leases.remove(leaseId);
      outbox.lost(leaseIds);
      want();
    },
    drain() {
      leave("drain");
      stream.close(new ConveyorError("DRAINING", "this broker stops; open a new stream"));
    },
    onClose,
  };
  context.table.add(session);
  cancel(
    (options.reopened?.kept ?? []).flatMap(({ leaseId, cancelReason }) =>
      cancelReason === undefined ? [] : [{ leaseId, reason: cancelReason }],
    ),
  );
  want();
  return session;
}
