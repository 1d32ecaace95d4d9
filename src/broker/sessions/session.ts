import { DrainReason, type WorkRequest, type WorkResponse } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import type { LeaseId } from "../../core/names.ts";
import { aborted } from "../../runtime/abort.ts";
import { turnOfEventLoop } from "../../runtime/deferred.ts";
import type { Lease } from "../../store/commit.ts";
import type { KeptLease, SessionRef } from "../../store/session.ts";
import type { WorkerHello } from "../../wire/hello.ts";
import { leaseIdsFromWire } from "../../wire/lease-id.ts";
import { leaseToDelivery } from "../../wire/lease-to-delivery.ts";
import type { FrameStream } from "../../wire/stream.ts";
import { heartbeatFromWire, type WorkerReport, windowFromWire } from "../../wire/window.ts";
import type { Claimant } from "../dispatcher.ts";
import { type CancelledLease, createCancels } from "./cancels.ts";
import { createHeldLeases, justClaimed } from "./held-leases.ts";
import { keptLeases } from "./kept-leases.ts";
import { createOutbox } from "./outbox.ts";
import { createProgressDesk } from "./progress-desk.ts";
import { createPulse } from "./pulse.ts";
import { checkReceived, reconcile } from "./reconcile.ts";
import { createRenewer } from "./renewer.ts";
import { createResultDesk } from "./result-desk.ts";
import type { Departure, SessionContext } from "./session-context.ts";
import { createStageDesk } from "./stage-desk.ts";
import { subscribe } from "./subscriptions.ts";
import { createTaker } from "./taker.ts";

/** A session with its stream: open -> closed. What outlives the stream is in the store alone. */
export interface Session extends Claimant {
  /** A frame after Hello; throws FRAME_INVALID or FRAME_OUT_OF_ORDER, which ends the stream. */
  onFrame(frame: WorkRequest): void;
  cancel(cancels: readonly CancelledLease[]): void;
  /** Asks the store for cancels, since another broker says that there are some. */
  lookForCancels(): void;
  /** The store took these leases: the worker must let go. */
  taken(leaseIds: readonly LeaseId[]): void;
  /** The broker is about to stop: nothing more is delivered, and the stream ends by itself once nothing is held. */
  drain(graceMs: number): void;
  /** The broker stops now. */
  end(): void;
  /** The stream has closed; by itself, or because of `end` and the like. */
  onClose(): void;
}

export interface SessionOptions {
  readonly ref: SessionRef;
  readonly principal: string;
  readonly hello: WorkerHello;
  /** What a resume found. */
  readonly kept: readonly KeptLease[];
  readonly stream: FrameStream<WorkResponse>;
  readonly context: SessionContext;
}

export function createSession(options: SessionOptions): Session {
  const { ref, hello, stream, context } = options;
  const { committer, dispatcher, intervals, clock, logger } = context;
  const over = new AbortController();
  const { signal } = over;
  const outbox = createOutbox(stream);
  const leases = createHeldLeases();
  const { principal } = options;
  const staging = createStageDesk({ principal, leases, context, onAck: outbox.stageAck, signal });
  const progress = createProgressDesk({ leases, reporter: context.reporter, clock });
  const before = (leaseId: LeaseId) => [staging.settled(leaseId), progress.settled(leaseId)];
  const desk = createResultDesk({ principal, outbox, context, signal, onRoom: read, before });
  const taker = createTaker({ leases, outbox, context, signal });
  const cancels = createCancels({ leases, outbox, clock, graceMs: intervals.cancelGraceMs, claiming: () => claiming });
  const renewer = createRenewer({
    ref,
    ttlMs: intervals.sessionTtlMs,
    buffered: hello.resume?.held.flatMap(({ leaseId, buffered }) => (buffered ? [leaseId] : [])) ?? [],
    committer,
    onGone: superseded,
    onCancels: (asked) => cancels.push(asked),
  });
  const pulse = createPulse({ intervals, clock, deaf: () => deaf, onSilence, onBeat: outbox.ping, onLook });
  const subscriptions = subscribe(context.board, hello.subscriptions);
  let window = hello.window;
  /** Windows that came while a claim was under way. */
  let unapplied: bigint[] = [];
  let claiming = false;
  /** Not reading, because results wait for the store. */
  let deaf = false;
  let awaitingRoom = false;
  /** Nothing is delivered any more: the broker is about to stop. */
  let draining = false;
  /** How the stream ended; undefined while it is open. */
  let departure: Departure | undefined;

  function room(): { readonly jobs: number; readonly bytes: number } {
    if (!stream.writable) {
      wantWhenDrained();
      return { jobs: 0, bytes: 0 };
    }
    return { jobs: window.jobsMax - leases.jobs, bytes: window.bytesMax - leases.bytes };
  }

  /** Any frame can have filled the stream, a ping too: whoever is turned away for it comes back by itself. */
  function wantWhenDrained(): void {
    if (awaitingRoom) return;
    awaitingRoom = true;
    void stream.drained().then(() => {
      awaitingRoom = false;
      want();
    });
  }

  function want(): void {
    if (draining) void endWhenDone();
    if (claiming || draining || departure !== undefined) return;
    const { jobs, bytes } = room();
    if (jobs > 0 && bytes > 0) dispatcher.want(session);
  }

  function refuse(claimed: readonly Lease[]): void {
    taker.refuse(claimed.map(({ leaseId }) => leaseId));
  }

  function deliver(claimed: readonly Lease[]): void {
    if (departure !== undefined || draining) {
      refuse(claimed);
      return;
    }
    const now = clock.elapsed();
    for (const lease of claimed) {
      outbox.deliver(leaseToDelivery(lease));
      const subscription = subscriptions.of(lease.queue, lease.payload.type);
      leases.add(justClaimed(lease, { seq: outbox.delivered, subscription, now }));
    }
    outbox.flushDeliveries();
    cancels.delivered(claimed.map(({ leaseId }) => leaseId));
  }

  function onFrame(frame: WorkRequest): void {
    if (departure !== undefined) return; // what comes after a goodbye
    pulse.heard();
    const { frame: said } = frame;
    switch (said.case) {
      case "hello":
        throw new ConveyorError("FRAME_OUT_OF_ORDER", "hello: only the first frame of a stream is a Hello");
      case "capacity":
        window = windowFromWire(said.value);
        if (claiming) unapplied.push(window.seq);
        else outbox.capacityApplied(window.seq);
        break;
      case "started":
        started(leaseIdsFromWire(said.value.leaseIds, "started.lease_ids"));
        break;
      case "results":
        for (const lease of desk.take(said.value.results, leases)) dispatcher.freed(lease.queue);
        read();
        break;
      case "heartbeat":
        heard(heartbeatFromWire(said.value));
        break;
      case "goodbye":
        leave("goodbye");
        void goodbye();
        break;
      case "stage":
        staging.take(said.value);
        read();
        break;
      case "progress":
        progress.take(said.value);
        break;
      case undefined: // a frame of a newer version
        break;
      default:
        said satisfies never;
    }
    want();
  }

  function heard(report: WorkerReport): void {
    checkReceived(report, outbox.delivered);
    taker.giveBack(reconcile(leases, report, clock.elapsed()));
    renewer.report(report.buffered);
  }

  function started(leaseIds: readonly LeaseId[]): void {
    leases.started(leaseIds, clock.elapsed());
    renewer.started(leaseIds);
  }

  /** Reads on, unless the peer takes no answers or the store takes no results: then it feels that by flow control. */
  function read(): void {
    deaf = desk.full;
    if (deaf) {
      stream.pause();
      desk.awaitRoom();
    } else if (stream.writable || stream.closed) stream.resume();
    else {
      stream.pause();
      void stream.drained().then(read);
    }
  }

  function onLook(now: number): void {
    progress.look();
    if (taker.takeLate(now)) want();
  }

  function onSilence(): void {
    leave("silence");
    const message = `no frame arrived within ${intervals.watchdogMs} ms; open a new stream`;
    stream.close(new ConveyorError("TIMED_OUT", message));
  }

  function superseded(): void {
    if (departure !== undefined) return;
    leave("superseded");
    const message = "the session has a newer stream or has ended; begin a new session";
    stream.close(new ConveyorError("SESSION_SUPERSEDED", message));
  }

  /** The one way out: nothing is claimed or taken from here on. */
  function leave(why: Departure): void {
    if (departure !== undefined) return;
    departure = why;
    pulse.stop();
    dispatcher.leave(session);
    subscriptions.release();
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

  /** Whoever holds nothing can move at once. */
  async function endWhenDone(): Promise<void> {
    if (leases.jobs > 0 || claiming) return;
    await desk.idle();
    await turnOfEventLoop(); // the last acknowledgements go first
    if (leases.jobs === 0 && !claiming) end();
  }

  function end(): void {
    leave("drain");
    stream.close(new ConveyorError("DRAINING", "this broker stops; open a new stream"));
  }

  function onClose(): void {
    leave(draining ? "drain" : "reset");
    over.abort(aborted("the stream has closed"));
    if (departure === "reset") void context.departures.detach(ref);
    logger.info("session left", { sessionId: ref.sessionId, worker: hello.worker, why: departure, held: leases.jobs });
  }

  const session: Session = {
    ref,
    subscriptions: subscriptions.list,
    room,
    deliver,
    refuse,
    claiming() {
      claiming = true;
    },
    claimed() {
      claiming = false;
      cancels.claimed();
      for (const seq of unapplied) outbox.capacityApplied(seq);
      unapplied = [];
      want();
    },
    superseded,
    onFrame,
    cancel: cancels.push,
    lookForCancels: renewer.again,
    taken(leaseIds) {
      for (const leaseId of leaseIds) leases.remove(leaseId);
      outbox.lost(leaseIds);
      want();
    },
    drain(graceMs) {
      if (departure !== undefined || draining) return;
      draining = true;
      dispatcher.leave(session);
      outbox.drain(DrainReason.BROKER_STOPPING, graceMs);
      void endWhenDone();
    },
    end,
    onClose,
  };
  for (const lease of keptLeases(options.kept, hello.resume, clock.elapsed())) {
    leases.add({ ...lease, subscription: subscriptions.of(lease.queue, lease.type) });
  }
  context.table.add(session);
  cancels.push(
    options.kept.flatMap(({ leaseId, cancelReason: reason }) => (reason === undefined ? [] : [{ leaseId, reason }])),
  );
  want();
  return session;
}
