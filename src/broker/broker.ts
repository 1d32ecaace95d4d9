import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { QueueService } from "../../gen/conveyor/v1/queue_service_pb.ts";
import { WorkerService, type WorkResponse } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import type { JobId } from "../core/names.ts";
import { aborted, within } from "../runtime/abort.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { createIds } from "../runtime/ids.ts";
import { type Logger, silentLogger } from "../runtime/logger.ts";
import { type Service, together } from "../runtime/service.ts";
import { addReflection } from "../schema/reflection.ts";
import { createSchemaRegistry, type SchemaRegistry } from "../schema/registry.ts";
import type { Effects } from "../store/effects.ts";
import type { Store } from "../store/store.ts";
import type { InProcessServer } from "../wire/in-process/server.ts";
import { serviceDefinition } from "../wire/service-definition.ts";
import type { FrameStream } from "../wire/stream.ts";
import { createCommitter } from "./committer.ts";
import { createDispatcher } from "./dispatcher.ts";
import { authenticationBy } from "./edge/authentication.ts";
import { createTlsIdentity, type ServerTls } from "./edge/server-tls.ts";
import { announce, hear } from "./effects.ts";
import { type Authenticate, type Authorize, createGate } from "./gate.ts";
import { createLaneBoard } from "./lane-board.ts";
import { createLookSchedule } from "./look-schedule.ts";
import { createCascader } from "./maintenance/cascader.ts";
import { createExpander } from "./maintenance/expander.ts";
import { createLaneWatch } from "./maintenance/lane-watch.ts";
import { createPromoter } from "./maintenance/promoter.ts";
import { createPropagator } from "./maintenance/propagator.ts";
import { createPruner } from "./maintenance/pruner.ts";
import { createReaper } from "./maintenance/reaper.ts";
import { createWaitWatch } from "./maintenance/wait-watch.ts";
import { createNewsDesk } from "./news.ts";
import { observedStore } from "./observed-store.ts";
import { type BrokerIntervals, defaultIntervals } from "./options.ts";
import { createReach } from "./reach.ts";
import { createFront, type Listener } from "./server.ts";
import { createEnqueueStreams } from "./services/enqueue-streams.ts";
import { createHealth } from "./services/health.ts";
import { jobService } from "./services/job-service.ts";
import { queueService } from "./services/queue-service.ts";
import { createWatchStreams } from "./services/watch-jobs.ts";
import { workerService } from "./services/worker-service.ts";
import { createDepartures } from "./sessions/departures.ts";
import { createReporter } from "./sessions/reporter.ts";
import { createResultRoom } from "./sessions/result-room.ts";
import { createSessionTable } from "./sessions/session-table.ts";
import { createStager } from "./sessions/stager.ts";
import { createUnarySessions } from "./unary/unary-session.ts";
import { createWaiters } from "./waiters.ts";
import { createWatches } from "./watch/watches.ts";

export interface BrokerOptions {
  /** Stays the caller's: it is opened before and closed after. */
  readonly store: Store;
  /** host:port; port 0 takes a free one. Or a server for clients of this process alone. */
  readonly listen: string | InProcessServer;
  /** Allows an address beyond loopback although it is not encrypted, or nobody is asked who they are. */
  readonly insecure?: boolean;
  /** Job types that it knows; without one, payloads are opaque bytes. */
  readonly schema?: SchemaRegistry;
  /** Plain text when left out; with `clientCa` every client must show a certificate. */
  readonly tls?: ServerTls | undefined;
  /** When left out: the common name of the client's certificate where one is asked for, else everyone is "". */
  readonly authenticate?: Authenticate | undefined;
  readonly authorize?: Authorize;
  readonly logger?: Logger;
  readonly intervals?: Partial<BrokerIntervals>;
  readonly clock?: Clock;
}

/** Serves jobs out of a store over gRPC: new -> started -> stopped, once. */
export interface Broker extends Service {
  /** Throws ADDRESS_UNSAFE, ADDRESS_IN_USE or INVALID_OPTION. */
  start(): Promise<void>;
  /**
   * Asks workers to move, serves their streams on for `drainMs` or until they hold nothing, ends all streams with DRAINING, and
   * then everything else. What is being committed is finished.
   */
  stop(): Promise<void>;
  /** Ends the streams of workers whose credentials no longer count; for after what `authenticate` knows has changed. */
  recheckCallers(): void;
  /** New connections get this certificate. Throws CERTIFICATE_INVALID, and the old one stays. */
  replaceTls(tls: ServerTls): void;
  /** host:port as bound; throws CLOSED unless it is started. */
  readonly address: string;
}

/** A broker; nothing happens before `start`. Throws CERTIFICATE_INVALID. */
export function createBroker(options: BrokerOptions): Broker {
  const { logger = silentLogger, clock = systemClock, schema = createSchemaRegistry() } = options;
  const intervals = { ...defaultIntervals, ...options.intervals };
  const services = [JobService.typeName, WorkerService.typeName, QueueService.typeName];
  const over = new AbortController();
  const ids = createIds(clock);
  const tls = options.tls && createTlsIdentity(options.tls, clock.now);
  const authenticate =
    options.authenticate ?? (options.tls?.clientCa === undefined ? undefined : authenticationBy(undefined));
  const gate = createGate({ authenticate, authorize: options.authorize });
  const health = createHealth(services);
  const waits = createLookSchedule<JobId>({
    clock,
    lookMs: intervals.lookMs,
    onDueIn: (ms) => waitWatch.wakeIn(ms),
  });
  const waiters = createWaiters({ schedule: waits });
  const board = createLaneBoard();
  const table = createSessionTable();
  const newcomers = new Set<FrameStream<WorkResponse>>();
  let listener: Listener | undefined;
  let stopped: Promise<void> | undefined;

  const reach = createReach({
    clock,
    gapMs: intervals.sessionTtlMs / 3,
    calmMs: intervals.calmMs,
    onChange(ok, error) {
      if (listener !== undefined && stopped === undefined) health.serving(ok);
      if (ok) logger.info("store reached again");
      else logger.error("store not reached", { error });
    },
  });
  const store = observedStore(options.store, reach);
  const onEffects = (effects: Effects) =>
    announce(effects, {
      dispatcher,
      waiters,
      waits,
      watches,
      table,
      news,
      propagator,
      cascader,
      expander,
      promoter,
      clock,
    });
  const onUnexpected = (error: unknown, method: string) => logger.error("call broke", { method, error });
  const news = createNewsDesk({
    store,
    board,
    table,
    clock,
    logger,
    onNews: (told) => hear(told, { dispatcher, waiters, waits, watches, table }),
  });
  const dispatcher = createDispatcher({ board, ids, poke: () => committer.poke() });
  const committer = createCommitter({ store, claims: dispatcher, onEffects, logger });
  const departures = createDepartures({
    store,
    graceMs: intervals.resumeGraceMs,
    onEffects,
    logger,
    signal: over.signal,
  });
  const sourceFor = (principal: string) => ({ ...schema, mintId: ids.jobId, principal, nowMs: clock.now() });

  const upkeep = { store, onEffects, intervals, ids, logger };
  const promoter = createPromoter(upkeep);
  const propagator = createPropagator(upkeep);
  const cascader = createCascader(upkeep);
  const expander = createExpander(upkeep);
  const pruner = createPruner(upkeep);
  const waitWatch = createWaitWatch({ ...upkeep, waiters, schedule: waits });
  const watches = createWatches({ ...upkeep, clock, signal: over.signal });
  const loops = together([
    news,
    promoter,
    propagator,
    cascader,
    expander,
    pruner,
    createReaper({ ...upkeep, reach, onReaped: (answer) => table.reaped(answer) }),
    createLaneWatch({ ...upkeep, board, dispatcher }),
    waitWatch,
    watches,
  ]);

  const front = createFront({
    listen: options.listen,
    insecure: options.insecure ?? false,
    tls: tls?.credentials,
    asksCallers: authenticate !== undefined,
  });
  const { server } = front;
  const wakePruner = () => pruner.wake();
  const context = { store, committer, waiters, gate, onUnexpected, onEffects, wakePruner, sourceFor };
  const enqueues = createEnqueueStreams({ context, helloMs: intervals.helloMs });
  const watchStreams = createWatchStreams({ context, watches, logger, intervals });
  const sessions = {
    store,
    committer,
    dispatcher,
    board,
    table,
    departures,
    stager: createStager({ store, logger }),
    reporter: createReporter(store),
    room: createResultRoom(),
    gate,
    sourceFor,
    intervals,
    clock,
    ids,
    logger,
    signal: over.signal,
  };
  const unarySessions = createUnarySessions({ clock, ttlMs: intervals.sessionTtlMs });
  const stopping = () => stopped !== undefined;
  const unary = { ...sessions, store, sessions: unarySessions, onEffects, stopping };
  const work = { store, context: sessions, onEffects, onUnexpected, newcomers, stopping };
  server.addService(serviceDefinition(JobService), jobService(context, { enqueue: enqueues, watch: watchStreams }));
  server.addService(serviceDefinition(WorkerService), workerService(context, work, unary));
  server.addService(serviceDefinition(QueueService), queueService(context, { board, dispatcher, news }));
  health.addTo(server);
  addReflection(server, {
    registry: schema,
    services: [...services, "grpc.health.v1.Health"],
    onUnexpected,
    admit: (caller, method) => gate.admit({ principal: gate.authenticate(caller), method }),
  });

  async function start(): Promise<void> {
    if (listener !== undefined || stopped !== undefined) throw new ConveyorError("CLOSED", "a broker is started once");
    listener = await front.open();
    await loops.start();
    health.serving(true);
    logger.info("broker started", { address: listener.address, store: store.description.kind });
  }

  async function shutDown(): Promise<void> {
    health.serving(false);
    enqueues.drain();
    dispatcher.stop();
    waiters.stop();
    watchStreams.close();
    for (const stream of newcomers) stream.close(new ConveyorError("DRAINING", "this broker stops; open a new stream"));
    for (const session of table.all()) session.drain(intervals.drainMs);
    for (const session of unarySessions.all()) void session.endPoll?.("");
    await within(table.empty(), intervals.drainMs);
    await within(Promise.all([committer.idle(), enqueues.idle()]), intervals.stopMs);
    enqueues.close();
    for (const session of table.all()) session.end();
    await listener?.close(intervals.stopMs);
    await within(Promise.all([committer.idle(), departures.idle()]), intervals.stopMs);
    over.abort(aborted("the broker has stopped"));
    await loops.stop();
    await within(Promise.all([committer.idle(), departures.idle()]), intervals.stopMs);
    logger.info("broker stopped");
  }

  return {
    start,
    stop() {
      stopped ??= shutDown();
      return stopped;
    },
    recheckCallers: gate.recheck,
    replaceTls(next) {
      if (tls === undefined) throw new ConveyorError("CERTIFICATE_INVALID", "this broker was made without TLS");
      tls.replace(next);
    },
    get address() {
      if (listener === undefined) throw new ConveyorError("CLOSED", "the broker has not been started");
      return listener.address;
    },
  };
}
