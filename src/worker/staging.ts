import type { Declaration } from "../../gen/conveyor/v1/job_pb.ts";
import type { Stage, StageAck } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { type Deferred, deferred } from "../runtime/deferred.ts";
import { fromRpcStatus } from "../wire/error-status.ts";

/** Children of one attempt on their way to the broker, ahead of its result: open -> refused or closed. */
export interface StageLine {
  /** Bytes that the broker has not yet acknowledged; they are kept until then. */
  readonly bytes: number;
  /** Why the broker refused a frame: then nothing more is sent. */
  readonly refusal: ConveyorError | undefined;
  /** One frame's worth, which takes about so many bytes. */
  push(children: readonly Declaration[], bytes: number): void;
  /** Resolves when all that was pushed is acknowledged; throws the refusal, or LEASE_LOST when the line was closed. */
  emptied(): Promise<void>;
  /** The attempt is over: what is left is dropped. */
  close(): void;
}

/** The lines of a worker. */
export interface Staging {
  open(leaseId: string): StageLine;
  /** The next frame; undefined: there is none, or as many are on their way as may be. */
  take(): Stage | undefined;
  acknowledged(ack: StageAck): void;
  /** There is another stream: all that is not acknowledged goes again. */
  restart(): void;
}

/** Enough to hide the way to the broker and back. */
const framesUnderWayMax = 8;

interface Frame {
  readonly stage: Stage;
  readonly bytes: number;
}

interface Line {
  /** Not acknowledged; the first `sent` of them are on their way. */
  frames: Frame[];
  sent: number;
  pushed: bigint;
  bytes: number;
  refusal: ConveyorError | undefined;
  waiting: Deferred<void> | undefined;
}

export function createStaging(options: { readonly onReady: () => void }): Staging {
  const lines = new Map<string, Line>();

  function open(leaseId: string): StageLine {
    const line: Line = { frames: [], sent: 0, pushed: 0n, bytes: 0, refusal: undefined, waiting: undefined };
    lines.set(leaseId, line);
    return {
      get bytes() {
        return line.bytes;
      },
      get refusal() {
        return line.refusal;
      },
      push(children, bytes) {
        if (line.refusal !== undefined) return;
        line.pushed += 1n;
        const stage: Stage = { $typeName: "conveyor.v1.Stage", leaseId, seq: line.pushed, children: [...children] };
        line.frames.push({ stage, bytes });
        line.bytes += bytes;
        options.onReady();
      },
      async emptied() {
        if (line.refusal !== undefined) throw line.refusal;
        if (line.frames.length === 0) return;
        line.waiting ??= deferred<void>();
        await line.waiting.promise;
      },
      close() {
        lines.delete(leaseId);
        end(
          line,
          new ConveyorError("LEASE_LOST", "the attempt is over; children that were not staged yet are dropped"),
        );
      },
    };
  }

  function take(): Stage | undefined {
    for (const [leaseId, line] of lines) {
      const frame = line.sent < framesUnderWayMax ? line.frames[line.sent] : undefined;
      if (frame === undefined) continue;
      line.sent += 1;
      lines.delete(leaseId); // to the back: lines take turns
      lines.set(leaseId, line);
      return frame.stage;
    }
    return undefined;
  }

  function acknowledged(ack: StageAck): void {
    const line = lines.get(ack.leaseId);
    if (line === undefined) return;
    if (ack.error !== undefined) {
      end(line, fromRpcStatus(ack.error));
      return;
    }
    for (let first = line.frames[0]; first !== undefined && first.stage.seq <= ack.seq; first = line.frames[0]) {
      line.frames.shift();
      line.sent = Math.max(0, line.sent - 1);
      line.bytes -= first.bytes;
    }
    if (line.frames.length === 0) {
      line.waiting?.resolve();
      line.waiting = undefined;
    }
    options.onReady();
  }

  return {
    open,
    take,
    acknowledged,
    restart() {
      for (const line of lines.values()) line.sent = 0;
    },
  };
}

function end(line: Line, refusal: ConveyorError): void {
  line.refusal ??= refusal;
  line.frames = [];
  line.sent = 0;
  line.bytes = 0;
  line.waiting?.promise.catch(() => undefined); // whoever waits is told; nobody may
  line.waiting?.reject(line.refusal);
  line.waiting = undefined;
}
