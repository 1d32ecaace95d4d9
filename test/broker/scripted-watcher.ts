import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Client } from "@grpc/grpc-js";
import { type JobEvent, JobService, type WatchJobsRequestSchema } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { ConveyorError } from "../../src/core/errors.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { type AnswerStream, openAnswerStream } from "../../src/wire/response-stream.ts";

/** One stream of WatchJobs, read by hand. */
export interface ScriptedWatcher {
  readonly stream: AnswerStream;
  /** The newest token so far. */
  readonly token: string;
  /** Events in the order in which they came, those that were taken by `until` left out. */
  readonly events: JobEvent[];
  /** Frames without events that came. */
  readonly bookmarks: number;
  /** Takes events up to the first one for which `holds`; throws when the stream ends before. */
  until(holds: (event: JobEvent) => boolean): Promise<readonly JobEvent[]>;
  /** Resolves once a frame has come that brings `holds` about. */
  once(holds: () => boolean): Promise<void>;
  /** How the stream ended: undefined for OK. */
  readonly ended: Promise<ConveyorError | undefined>;
}

export function openWatcher(client: Client, request: MessageInitShape<typeof WatchJobsRequestSchema>): ScriptedWatcher {
  const events: JobEvent[] = [];
  const end = deferred<ConveyorError | undefined>();
  const state = { token: "", bookmarks: 0, over: false };
  let wake = deferred<void>();
  const stir = () => {
    wake.resolve();
    wake = deferred<void>();
  };
  const stream = openAnswerStream(client, JobService.method.watchJobs, request, {
    onFrame(frame) {
      state.token = frame.resumeToken || state.token;
      if (frame.events.length === 0) state.bookmarks += 1;
      events.push(...frame.events);
      stir();
    },
    onClose(error) {
      state.over = true;
      end.resolve(error);
      stir();
    },
  });

  async function once(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (state.over) throw new Error(`the stream has ended: ${await end.promise}`);
      await wake.promise;
    }
  }

  return {
    stream,
    get token() {
      return state.token;
    },
    events,
    get bookmarks() {
      return state.bookmarks;
    },
    async until(holds) {
      await once(() => events.some(holds));
      return events.splice(0, events.findIndex(holds) + 1);
    },
    once,
    ended: end.promise,
  };
}
