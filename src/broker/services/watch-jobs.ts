import type { ServerWritableStream } from "@grpc/grpc-js";
import { JobService, type WatchJobsRequest, type WatchJobsResponse } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import type { Logger } from "../../runtime/logger.ts";
import { originOf } from "../../wire/call-origin.ts";
import { invalidField } from "../../wire/invalid-field.ts";
import { serveAnswerStream } from "../../wire/response-stream.ts";
import type { SendingStream } from "../../wire/send-frames.ts";
import { methodPath } from "../../wire/service-definition.ts";
import { resumeTimeOf, resumeTokenOf, type Watched, watchedFromWire } from "../../wire/watch-request.ts";
import type { BrokerIntervals } from "../options.ts";
import { createWatchBox } from "../watch/watch-box.ts";
import type { Watcher } from "../watch/watch-context.ts";
import type { Watches } from "../watch/watches.ts";
import { readJob } from "./read-jobs.ts";
import type { Caller, ServiceContext } from "./service-context.ts";

/** All watchers' streams of a broker. */
export interface WatchStreams {
  serve(call: ServerWritableStream<Buffer, Buffer>): void;
  /** The broker stops: ends those that are open, and new ones, with DRAINING. */
  close(): void;
}

const method = JobService.method.watchJobs;

export function createWatchStreams(options: {
  readonly context: ServiceContext;
  readonly watches: Watches;
  readonly logger: Logger;
  readonly intervals: Pick<BrokerIntervals, "bookmarkMs" | "slowWatcherMs">;
}): WatchStreams {
  const { context, watches, intervals } = options;
  const open = new Set<SendingStream<WatchJobsResponse>>();
  let stopping = false;

  function serve(call: ServerWritableStream<Buffer, Buffer>): void {
    const cleanUp: (() => void)[] = [];
    const onRequest = (request: WatchJobsRequest, stream: SendingStream<WatchJobsResponse>) => {
      open.add(stream);
      cleanUp.push(() => open.delete(stream));
      if (stopping) throw stops();
      watch(call, request, stream, cleanUp).catch((error: unknown) => stream.close(error));
    };
    const onClose = () => {
      for (const undo of cleanUp.splice(0)) undo();
    };
    serveAnswerStream(call, method, { onRequest, onClose }, context.onUnexpected);
  }

  async function watch(
    call: ServerWritableStream<Buffer, Buffer>,
    request: WatchJobsRequest,
    stream: SendingStream<WatchJobsResponse>,
    cleanUp: (() => void)[],
  ): Promise<void> {
    const origin = originOf(call);
    const principal = context.gate.authenticate(origin);
    cleanUp.push(context.gate.watch(origin, principal, (error) => stream.close(error)));
    const admit: Caller["admit"] = (about = {}) =>
      context.gate.admit({ principal, method: methodPath(method), ...about });
    const watched = watchedFromWire(request);
    if (watched.kind === "chain") await admitChain(watched, admit);
    const knownMs =
      request.resumeToken === ""
        ? undefined
        : resumeTimeOf(request.resumeToken, watched, await context.store.readTime());
    const token = () => {
      const coveredMs = watches.coveredMs(watched, watcher) ?? knownMs;
      return coveredMs === undefined ? "" : resumeTokenOf(coveredMs, watched);
    };
    const onSlow = (error: ConveyorError) => {
      options.logger.warn("a slow watcher was dropped", { peer: origin.peer, kind: watched.kind });
      stream.close(error);
    };
    const watcher: Watcher = {
      knownMs,
      box: createWatchBox(stream, { slowMs: intervals.slowWatcherMs, token, onSlow }),
      admits(job) {
        try {
          admit(job && { queue: job.queue, type: job.type });
          return true;
        } catch (error) {
          stream.close(error);
          return false;
        }
      },
    };
    if (stream.closed) return;
    watches.add(watched, watcher);
    // Whoever goes on learns at once that it may.
    watcher.box.bookmark();
    const bookmarks = setInterval(() => watcher.box.bookmark(), intervals.bookmarkMs);
    cleanUp.push(() => {
      clearInterval(bookmarks);
      watches.remove(watched, watcher);
    });
  }

  async function admitChain({ rootId }: Extract<Watched, { kind: "chain" }>, admit: Caller["admit"]): Promise<void> {
    const root = await readJob(context, rootId, { admit });
    if (root.parentId === undefined) return;
    throw invalidField(
      "INVALID_OPTION",
      "root_id",
      `job ${rootId} lies in the chain of ${root.rootId}; watch that one`,
    );
  }

  return {
    serve,
    close() {
      stopping = true;
      for (const stream of [...open]) stream.close(stops());
    },
  };
}

function stops(): ConveyorError {
  return new ConveyorError("DRAINING", "this broker stops; watch again with the newest resume_token");
}
