import type { ServerDuplexStream } from "@grpc/grpc-js";
import { ConveyorError } from "../../core/errors.ts";
import { type Deferred, deferred } from "../../runtime/deferred.ts";
import { createResultRoom } from "../sessions/result-room.ts";
import { type EnqueueStream, serveEnqueueStream } from "./enqueue-stream.ts";
import type { ServiceContext } from "./service-context.ts";

/** All producers' streams of a broker. */
export interface EnqueueStreams {
  serve(call: ServerDuplexStream<Buffer, Buffer>): void;
  /** The broker is about to stop: those that are open are told, new ones are refused with DRAINING. */
  drain(): void;
  /** Resolves when none is open. */
  idle(): Promise<void>;
  /** Ends those that are still open with DRAINING. */
  close(): void;
}

export function createEnqueueStreams(options: {
  readonly context: ServiceContext;
  readonly helloMs: number;
}): EnqueueStreams {
  const open = new Set<EnqueueStream>();
  const room = createResultRoom();
  let stopping = false;
  let resting: Deferred<void> | undefined;

  function onClose(stream: EnqueueStream): void {
    open.delete(stream);
    if (open.size === 0) resting?.resolve();
  }

  return {
    serve(call) {
      const stream = serveEnqueueStream(call, { ...options, room, onClose });
      open.add(stream);
      if (stopping) stream.close(stops());
    },
    drain() {
      stopping = true;
      for (const stream of open) stream.drain();
    },
    async idle() {
      if (open.size === 0) return;
      resting ??= deferred<void>();
      await resting.promise;
    },
    close() {
      for (const stream of [...open]) stream.close(stops());
    },
  };
}

function stops(): ConveyorError {
  return new ConveyorError(
    "DRAINING",
    "this broker stops; open a new stream, and send again what was not acknowledged",
  );
}
