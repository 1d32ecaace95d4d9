import { JobService, type WatchJobsResponse } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { type Deferred, deferred } from "../runtime/deferred.ts";
import type { Place } from "../wire/channels.ts";
import { openAnswerStream } from "../wire/response-stream.ts";

/** What is asked to be watched. */
export interface WatchRequest {
  readonly ids: string[];
  readonly rootId: string;
  readonly resumeToken: string;
}

/** One stream of WatchJobs, read at the pace of whoever takes its frames. */
export interface WatchFeed {
  /** The next frame; throws what ended the stream. */
  next(): Promise<WatchJobsResponse>;
  /** Whoever waits gets this error. */
  close(error: ConveyorError): void;
}

/** Frames that wait to be taken; beyond it the stream is not read. */
const framesMax = 4;

export function openWatchFeed(place: Place, request: WatchRequest): WatchFeed {
  const frames: WatchJobsResponse[] = [];
  let waiting: Deferred<void> | undefined;
  let ended: ConveyorError | undefined;
  const stream = openAnswerStream(place.client, JobService.method.watchJobs, request, {
    onFrame(frame) {
      frames.push(frame);
      if (frames.length >= framesMax) stream.pause();
      wake();
    },
    onClose(error) {
      ended = error ?? new ConveyorError("BROKER_UNREACHABLE", "the broker ended the stream");
      place.failed(ended);
      wake();
    },
  });

  function wake(): void {
    waiting?.resolve();
    waiting = undefined;
  }

  return {
    async next() {
      for (;;) {
        const frame = frames.shift();
        if (frame !== undefined) {
          if (frames.length < framesMax) stream.resume();
          return frame;
        }
        if (ended !== undefined) throw ended;
        waiting ??= deferred<void>();
        await waiting.promise;
      }
    },
    close: (error) => stream.close(error),
  };
}
