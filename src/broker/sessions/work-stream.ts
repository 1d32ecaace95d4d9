import type { ServerDuplexStream } from "@grpc/grpc-js";
import {
  type Hello,
  WorkerService,
  type WorkRequest,
  type WorkResponse,
} from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import type { LeaseId } from "../../core/names.ts";
import type { Effects } from "../../store/effects.ts";
import type { KeptLease, SessionRef } from "../../store/session.ts";
import type { Store } from "../../store/store.ts";
import { originOf } from "../../wire/call-origin.ts";
import { helloToDomain, type WorkerHello } from "../../wire/hello.ts";
import { methodPath } from "../../wire/service-definition.ts";
import { type FrameStream, serveFrameStream } from "../../wire/stream.ts";
import { msToDuration } from "../../wire/time.ts";
import type { OnUnexpected } from "../../wire/unary-handler.ts";
import { isUnary } from "../unary/unary-session.ts";
import { createSession, type Session } from "./session.ts";
import type { SessionContext } from "./session-context.ts";

export interface WorkStreamOptions {
  readonly store: Store;
  readonly context: SessionContext;
  readonly onEffects: (effects: Effects) => void;
  readonly onUnexpected: OnUnexpected;
  /** Streams that have not become sessions yet; a stop ends them, too. */
  readonly newcomers: Set<FrameStream<WorkResponse>>;
  /** The broker is about to stop: no session begins here any more. */
  readonly stopping: () => boolean;
}

const capabilities: readonly string[] = [];
const method = WorkerService.method.work;

/** Serves one stream of `Work`: awaiting Hello -> opening -> at work (see `Session`) -> closed. */
export function serveWork(call: ServerDuplexStream<Buffer, Buffer>, options: WorkStreamOptions): void {
  const { context } = options;
  const { intervals } = context;
  let session: Session | undefined;
  let greeted = false;
  let unwatch = () => {};
  const stream = serveFrameStream(call, method, { onFrame, onClose }, options.onUnexpected);
  options.newcomers.add(stream);
  const impatience = setTimeout(() => {
    const message = `no Hello arrived within ${intervals.helloMs} ms`;
    stream.close(new ConveyorError("FRAME_OUT_OF_ORDER", message));
  }, intervals.helloMs);

  function onFrame(frame: WorkRequest): void {
    if (session !== undefined) {
      session.onFrame(frame);
      return;
    }
    if (greeted || frame.frame.case !== "hello") {
      throw new ConveyorError(
        "FRAME_OUT_OF_ORDER",
        `${frame.frame.case ?? "frame"}: the first frame is one Hello, then comes a Welcome`,
      );
    }
    greeted = true;
    clearTimeout(impatience);
    stream.pause();
    open(frame.frame.value).catch((error: unknown) => stream.close(error));
  }

  async function open(sent: Hello): Promise<void> {
    if (options.stopping()) throw new ConveyorError("DRAINING", "this broker stops; open a stream to another");
    const hello = helloToDomain(sent);
    const caller = originOf(call);
    const principal = context.gate.authenticate(caller);
    unwatch = context.gate.watch(caller, principal, (error) => stream.close(error));
    for (const { queue, types } of hello.subscriptions) {
      for (const type of types) context.gate.admit({ principal, method: methodPath(method), queue, type });
    }
    const opened = (await resumed(hello, principal, options)) ?? (await begun(hello, principal, options));
    if (stream.closed) return void (options.stopping() || context.departures.detach(opened.ref));
    welcome(stream, hello, opened, context);
    options.newcomers.delete(stream);
    const { ref, kept } = opened;
    session = createSession({ ref, principal, hello, kept, stream, context });
    context.logger.info("session at work", {
      sessionId: ref.sessionId,
      epoch: ref.epoch,
      worker: hello.worker,
      kept: kept.length,
    });
    stream.resume();
  }

  function onClose(): void {
    clearTimeout(impatience);
    options.newcomers.delete(stream);
    unwatch();
    session?.onClose();
  }
}

interface Opened {
  readonly ref: SessionRef;
  readonly kept: readonly KeptLease[];
  /** The session existed before. */
  readonly resumed: boolean;
  readonly lost: readonly LeaseId[];
}

async function resumed(hello: WorkerHello, principal: string, options: WorkStreamOptions): Promise<Opened | undefined> {
  if (hello.resume === undefined || isUnary(hello.resume.sessionId)) return undefined;
  const { sessionId, held } = hello.resume;
  const ttlMs = options.context.intervals.sessionTtlMs;
  const answer = await options.store.resumeSession({ sessionId, principal, ttlMs, held });
  if (answer.kind === "gone") return undefined;
  options.onEffects(answer.effects);
  return { ref: { sessionId, epoch: answer.epoch }, kept: answer.kept, resumed: true, lost: answer.lost };
}

async function begun(hello: WorkerHello, principal: string, options: WorkStreamOptions): Promise<Opened> {
  const sessionId = options.context.ids.sessionId();
  const ttlMs = options.context.intervals.sessionTtlMs;
  await options.store.openSession({ sessionId, principal, worker: hello.worker, instanceId: hello.instanceId, ttlMs });
  const lost = hello.resume?.held.map(({ leaseId }) => leaseId) ?? [];
  return { ref: { sessionId, epoch: 1 }, kept: [], resumed: false, lost };
}

function welcome(stream: FrameStream<WorkResponse>, hello: WorkerHello, opened: Opened, context: SessionContext): void {
  const { intervals } = context;
  const value = {
    $typeName: "conveyor.v1.Welcome" as const,
    sessionId: opened.ref.sessionId,
    protocolVersion: 1,
    capabilities: capabilities.filter((each) => hello.capabilities.includes(each)),
    heartbeatInterval: msToDuration(intervals.heartbeatMs),
    watchdog: msToDuration(intervals.watchdogMs),
    sessionTtl: msToDuration(intervals.sessionTtlMs),
    maxPayloadBytes: BigInt(limits.payloadBytesMax),
    maxFrameBytes: BigInt(limits.frameBytesMax),
    keptLeaseIds: opened.kept.map(({ leaseId }) => leaseId),
    lostLeaseIds: [...opened.lost],
    sessionReplaced: hello.resume !== undefined && !opened.resumed,
  };
  stream.send({ $typeName: "conveyor.v1.WorkResponse", frame: { case: "welcome", value } });
}
