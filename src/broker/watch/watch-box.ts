import type { Job } from "../../../gen/conveyor/v1/job_pb.ts";
import type { JobEvent, WatchJobsResponse } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import type { JobId } from "../../core/names.ts";
import { turnOfEventLoop } from "../../runtime/deferred.ts";
import type { SendingStream } from "../../wire/send-frames.ts";

/** What is on its way to one watcher: of each job the newest state alone, so that a slow one is behind, but never a burden. */
export interface WatchBox {
  /** Undefined: there is no such job, or no longer. An older version than one that waits is dropped. */
  put(id: JobId, version: number, job: Job | undefined): void;
  /** Jobs that wait to be sent. */
  readonly waiting: number;
  /** Resolves when the transport takes more, or the stream is closed. */
  room(): Promise<void>;
  /** Sends the place reached, also when there is nothing else. */
  bookmark(): void;
}

const eventsPerFrameMax = 100;

export function createWatchBox(
  stream: SendingStream<WatchJobsResponse>,
  options: {
    /** How long the transport may take nothing while something waits, in ms. */
    readonly slowMs: number;
    /** It took nothing for that long: the stream is to be closed with this. */
    readonly onSlow: (error: ConveyorError) => void;
    /** The token for all that was put so far; empty before there is one. */
    readonly token: () => string;
  },
): WatchBox {
  const waiting = new Map<JobId, { readonly version: number; readonly job: Job | undefined }>();
  let token = "";
  let scheduled = false;
  let blocked = false;

  function schedule(): void {
    if (scheduled || blocked) return;
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      sendWaiting();
    });
  }

  function sendWaiting(): void {
    while (waiting.size > 0 && stream.writable) sendSome();
    if (waiting.size > 0 && !stream.closed) void awaitRoom();
  }

  function sendSome(): void {
    const events: JobEvent[] = [];
    for (const [id, { job }] of waiting) {
      if (events.length === eventsPerFrameMax) break;
      waiting.delete(id);
      events.push({ $typeName: "conveyor.v1.JobEvent", id, ...(job && { job }) });
    }
    if (waiting.size === 0) token = options.token();
    stream.send({ $typeName: "conveyor.v1.WatchJobsResponse", events, resumeToken: token });
  }

  async function awaitRoom(): Promise<void> {
    if (blocked) return;
    blocked = true;
    const impatience = setTimeout(drop, options.slowMs);
    await stream.drained();
    clearTimeout(impatience);
    blocked = false;
    sendWaiting();
  }

  async function drop(): Promise<void> {
    // A broker that was busy itself may only not have noticed yet that there is room.
    await turnOfEventLoop();
    if (blocked && !stream.closed) options.onSlow(slowWatcher(token));
  }

  return {
    put(id, version, job) {
      const other = waiting.get(id);
      if (stream.closed || (job !== undefined && other !== undefined && other.version > version)) return;
      waiting.set(id, { version, job });
      schedule();
    },
    get waiting() {
      return waiting.size;
    },
    async room() {
      while (waiting.size > 0 && !stream.closed) {
        await turnOfEventLoop();
        await stream.drained();
      }
    },
    bookmark() {
      // What waits brings the newest token with it.
      if (waiting.size > 0 || !stream.writable) return;
      token = options.token();
      if (token !== "") stream.send({ $typeName: "conveyor.v1.WatchJobsResponse", events: [], resumeToken: token });
    },
  };
}

function slowWatcher(token: string): ConveyorError {
  return new ConveyorError(
    "SLOW_WATCHER",
    "this watcher takes too little of what changes; watch again with the newest resume_token",
    { details: token === "" ? {} : { metadata: { resume_token: token } } },
  );
}
